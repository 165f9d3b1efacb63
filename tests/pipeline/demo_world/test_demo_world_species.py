from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from pipeline.demo_world.marks import Shape, spot_centers
from pipeline.demo_world.species import FEWEST_SPECIES, MOST_SPECIES, catalogue
from schemas.errors import ConfigError

EVERYTHING = catalogue(MOST_SPECIES)


def test_no_two_species_share_all_their_marks() -> None:
    marks = Counter(form for species in EVERYTHING for form in species.forms)
    assert [form for form, count in marks.items() if count > 1] == []


def test_no_two_species_share_a_name() -> None:
    assert len({species.name for species in EVERYTHING}) == MOST_SPECIES


def test_siblings_share_their_colours() -> None:
    by_genus: dict[str, set[tuple[str, str]]] = {}
    for species in EVERYTHING:
        for form in species.forms:
            by_genus.setdefault(species.genus.name, set()).add((form.elytra, form.spots))
    assert all(len(colours) == 1 for colours in by_genus.values())


def test_at_least_a_triple_of_the_default_world_differs_by_the_order_of_spots_alone() -> None:
    counts = Counter(
        (species.genus.name, species.forms[0].spot_count, species.forms[0].shape)
        for species in catalogue(24)
    )
    assert max(counts.values()) >= 3


@pytest.mark.parametrize("species", [FEWEST_SPECIES, 7, 24, 72, 73, 120, MOST_SPECIES])
def test_exactly_one_leaf_is_a_genus(species: int) -> None:
    leaves = catalogue(species)
    assert len(leaves) == species
    assert [leaf.name for leaf in leaves if leaf.is_genus] == ["Psyllobora"]
    binomials = [leaf.name for leaf in leaves if not leaf.is_genus]
    assert all(re.fullmatch(r"[A-Z][a-z]+ [a-z]+", name) for name in binomials)


@pytest.mark.parametrize("species", [FEWEST_SPECIES - 1, MOST_SPECIES + 1])
def test_a_catalogue_of_another_size_is_refused(species: int) -> None:
    with pytest.raises(ConfigError) as error:
        catalogue(species)
    assert str(error.value) == f"species must be between 6 and 145. Received: {species}."


def test_spots_lie_on_the_wing_and_add_up() -> None:
    for species in EVERYTHING:
        for marks in species.forms:
            centers = spot_centers(marks.rows, marks.scutellar)
            assert len(centers) == sum(marks.rows) + marks.scutellar
            assert np.hypot(*centers.T).max() < 0.95
            assert centers[:, 1].min() >= 0
    seven = next(s.forms[0] for s in EVERYTHING if s.name.startswith("Coccinella "))
    assert (seven.spot_count, seven.shape) == (7, Shape.ROUND)
