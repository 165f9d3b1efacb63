"""The plan of a demo world: which taxon has which observations and photos, in which split.

Laws, the real export's: the split unit is the observation; 1 photo an observation in val and
test, at most 5 in train; no photo and no observation stands in two splits. Ids rise in an order
that says nothing of the taxon.

    plan = plan_world(species=24, photos=2400, seed=0)
    plan.observations[0].photo_ids
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.demo_world.numbering import observation_sizes, photos_per_leaf, split_counts
from pipeline.demo_world.species import Species, catalogue
from pipeline.demo_world.taxonomy import DemoTaxonomy, build_taxonomy

SPLITS = ("train", "val", "test")
_FIRST_PHOTO_ID, _FIRST_OBSERVATION_ID = 810_000_000, 410_000_000
_FIRST_DESCENDANT_ID = 9_200_001  # taxa below leaves, which taxonomy.csv does not hold
_LARGEST_ID_GAP = 40
_COMMUNITY_SHARE = 0.82  # observations whose community taxon is the observation's
_DESCENDANT_SHARE = 0.5  # of a taxon with subspecies: identified to one of them
_NO_PLACE_SHARE = 0.04  # observations without coordinates: no row in spatial_data.csv


@dataclass(frozen=True)
class Descendant:
    """A taxon below a leaf: known to all_taxa.csv, trained as its leaf."""

    taxon_id: int
    leaf: int
    name: str
    rank: str


@dataclass(frozen=True)
class Observation:
    """One meeting with one beetle.

    Attributes:
        observation_id: its id.
        leaf: place of its species in the catalogue.
        form: which of the species' forms it is, 0 for all but the genus leaf.
        obs_taxon_id: what it was identified as, the leaf or a descendant.
        community: whether the community agreed.
        split: "train", "val" or "test".
        photo_ids: its photos.
        place: latitude and longitude in degrees, or None.
        observed_on: "YYYY-MM-DD".
        positional_accuracy_m: metres, or None.
        captive: whether it was not wild.
    """

    observation_id: int
    leaf: int
    form: int
    obs_taxon_id: int
    community: bool
    split: str
    photo_ids: tuple[int, ...]
    place: tuple[float, float] | None
    observed_on: str
    positional_accuracy_m: int | None
    captive: bool


@dataclass(frozen=True)
class WorldPlan:
    """All there is to know about a demo world before a single photo is painted."""

    species: tuple[Species, ...]
    taxonomy: DemoTaxonomy
    descendants: tuple[Descendant, ...]
    observations: tuple[Observation, ...]

    @property
    def photo_count(self) -> int:
        """Photos of all observations."""
        return sum(len(observation.photo_ids) for observation in self.observations)

    def photos_in(self, split: str) -> int:
        """Photos of one split."""
        return sum(len(o.photo_ids) for o in self.observations if o.split == split)


def _descendants(species: tuple[Species, ...]) -> tuple[Descendant, ...]:
    """Returns a subspecies for every fifth species, and the species of the genus leaf."""
    rows: list[tuple[int, str, str]] = []
    for number, leaf in enumerate(species):
        if leaf.is_genus:
            names = ("prima", "altera", "tertia")[: len(leaf.forms)]
            rows += [(number, f"{leaf.name} {name}", "species") for name in names]
        elif number % 5 == 1:
            rows.append((number, f"{leaf.name} borealis", "subspecies"))
    return tuple(
        Descendant(_FIRST_DESCENDANT_ID + place, leaf, name, rank)
        for place, (leaf, name, rank) in enumerate(rows)
    )


def _identified_as(
    leaf: int, form: int, plan: tuple[Species, ...], below: list[int], rng: np.random.Generator
) -> int | None:
    """Returns the descendant the observation was identified as, or None for the leaf itself."""
    if plan[leaf].is_genus:
        return below[form]
    return below[0] if below and rng.random() < _DESCENDANT_SHARE else None


def _observed_on(rng: np.random.Generator) -> str:
    # Days 1 to 28 of March to October: ladybirds winter under bark.
    year, month, day = 2018 + rng.integers(7), 3 + rng.integers(8), 1 + rng.integers(28)
    return f"{year:04d}-{month:02d}-{day:02d}"


def _homes(species: int, rng: np.random.Generator) -> np.ndarray:
    """Returns the middle of each species' range: float64 [species, 2], degrees, on land mostly."""
    lands = np.array([[47.0, 8.0], [40.0, -95.0], [35.0, 110.0], [-30.0, 145.0], [51.0, 30.0]])
    return lands[rng.integers(len(lands), size=species)] + rng.normal(0.0, 3.0, (species, 2))


def plan_world(*, species: int, photos: int, seed: int) -> WorldPlan:
    """Returns the plan; the same arguments give the same plan.

    Raises:
        ConfigError: if the numbers cannot be had; the message says the bounds.
    """
    leaves = catalogue(species)
    taxonomy = build_taxonomy(leaves, seed)
    descendants = _descendants(leaves)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 1])))
    below: list[list[int]] = [[] for _ in leaves]
    for descendant in descendants:
        below[descendant.leaf].append(descendant.taxon_id)

    slots: list[tuple[int, str, int]] = []  # leaf, split, photos
    for leaf, count in enumerate(photos_per_leaf(species, photos, rng).tolist()):
        counts = split_counts(count)
        slots += [(leaf, "train", size) for size in observation_sizes(counts.train, rng)]
        slots += [(leaf, "val", 1)] * counts.val + [(leaf, "test", 1)] * counts.test

    homes = _homes(species, rng)
    observation_id, photo_id = _FIRST_OBSERVATION_ID, _FIRST_PHOTO_ID
    observations: list[Observation] = []
    for slot in rng.permutation(len(slots)).tolist():
        leaf, split, size = slots[slot]
        observation_id += 1 + int(rng.integers(_LARGEST_ID_GAP))
        first = photo_id + 1 + int(rng.integers(_LARGEST_ID_GAP))
        photo_id = first + size - 1
        form = int(rng.integers(len(leaves[leaf].forms)))
        latitude, longitude = np.round(homes[leaf] + rng.normal(0.0, 1.5, 2), 4).tolist()
        identified = _identified_as(leaf, form, leaves, below[leaf], rng)
        observations.append(
            Observation(
                observation_id=observation_id,
                leaf=leaf,
                form=form,
                obs_taxon_id=identified or taxonomy.leaf_ids[leaf],
                community=bool(rng.random() < _COMMUNITY_SHARE),
                split=split,
                photo_ids=tuple(range(first, first + size)),
                place=None if rng.random() < _NO_PLACE_SHARE else (latitude, longitude),
                observed_on=_observed_on(rng),
                positional_accuracy_m=int(rng.integers(3, 900)) if rng.random() < 0.8 else None,
                captive=bool(rng.random() < 0.02),
            )
        )
    return WorldPlan(leaves, taxonomy, descendants, tuple(observations))
