from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.demo_world.numbering import observation_sizes, photos_per_leaf, split_counts
from pipeline.demo_world.observations import WorldPlan, plan_world
from schemas.errors import ConfigError


@pytest.fixture(scope="module")
def plan() -> WorldPlan:
    return plan_world(species=24, photos=2400, seed=0)


@given(st.integers(6, 60), st.integers(0, 3000), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_photos_of_the_leaves_add_up(leaves: int, spare: int, seed: int) -> None:
    photos = 7 * leaves + spare
    counts = photos_per_leaf(leaves, photos, np.random.default_rng(seed))
    assert counts.sum() == photos
    assert counts.min() >= 7


@given(st.integers(7, 2000))
@settings(max_examples=60, deadline=None)
def test_splits_of_a_leaf_have_their_least_and_their_share(photos: int) -> None:
    counts = split_counts(photos)
    assert counts.train + counts.val + counts.test == photos
    assert counts.train >= 3
    assert min(counts.val, counts.test) >= 2
    if photos >= 40:
        assert 0.66 < counts.train / photos < 0.74


def test_an_observation_has_one_to_five_photos() -> None:
    sizes = observation_sizes(500, np.random.default_rng(0))
    assert sum(sizes) == 500
    assert set(sizes) == {1, 2, 3, 4, 5}


def test_too_few_photos_are_refused() -> None:
    with pytest.raises(ConfigError) as error:
        plan_world(species=24, photos=100, seed=0)
    assert str(error.value) == (
        "photos must be at least 168 for 24 species (3 train, 2 val and 2 test photos each). "
        "Received: 100."
    )


def test_the_tail_is_long(plan: WorldPlan) -> None:
    photos = Counter[int]()
    for observation in plan.observations:
        photos[observation.leaf] += len(observation.photo_ids)
    assert max(photos.values()) > 4 * min(photos.values())


def test_photos_and_observations_stand_in_one_split(plan: WorldPlan) -> None:
    photo_ids = [photo for o in plan.observations for photo in o.photo_ids]
    assert len(photo_ids) == len(set(photo_ids)) == plan.photo_count == 2400
    assert len({o.observation_id for o in plan.observations}) == len(plan.observations)
    for observation in plan.observations:
        most = 5 if observation.split == "train" else 1
        assert 1 <= len(observation.photo_ids) <= most


def test_ids_say_nothing_of_the_taxon(plan: WorldPlan) -> None:
    """Neighbours in id order share their leaf no more often than chance has it."""
    leaves = [o.leaf for o in sorted(plan.observations, key=lambda o: o.observation_id)]
    same = np.mean(np.array(leaves[1:]) == np.array(leaves[:-1]))
    assert same < 0.15


def test_another_seed_is_another_world(plan: WorldPlan) -> None:
    other = plan_world(species=24, photos=2400, seed=1)
    assert other != plan
    assert other.species == plan.species
    assert plan_world(species=24, photos=2400, seed=0) == plan
