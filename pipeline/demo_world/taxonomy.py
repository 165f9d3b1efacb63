"""The tree above the species: real ancestors, real shape, ids, ranks, nested-set numbers.

Laws: parents come before their children (depth first, children by name), a leaf has no
descendants in the tree, Life is not in it, and the leaf class ids are dense but in no order.
Ids up to `_FIRST_INVENTED_ID` are iNaturalist's own; the others cannot occur there yet.

    tree = build_taxonomy(catalogue(24), seed=0)
    tree.taxa[0].name            # 'Animalia'
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from pipeline.demo_world.species import Species
from schemas.ranks import LEVEL_OF_RANK

ANIMALIA_ID, INSECTA_ID = 1, 47158
_FIRST_INVENTED_ID = 9_100_001

# (name, rank, parent, iNaturalist's id or None for an invented one)
_ANCESTORS: tuple[tuple[str, str, str, int | None], ...] = (
    ("Animalia", "kingdom", "", ANIMALIA_ID),
    ("Arthropoda", "phylum", "Animalia", 47120),
    ("Hexapoda", "subphylum", "Arthropoda", 372739),
    ("Insecta", "class", "Hexapoda", INSECTA_ID),
    ("Pterygota", "subclass", "Insecta", 184884),
    ("Coleoptera", "order", "Pterygota", 47208),
    ("Polyphaga", "suborder", "Coleoptera", 71130),
    ("Cucujiformia", "infraorder", "Polyphaga", None),
    ("Coccinelloidea", "superfamily", "Cucujiformia", None),
    ("Coccinellidae", "family", "Coccinelloidea", 48486),
    ("Coccinellinae", "subfamily", "Coccinellidae", None),
    ("Coccinellini", "tribe", "Coccinellinae", None),
    ("Chilocorini", "tribe", "Coccinellinae", None),
    ("Hyperaspidini", "tribe", "Coccinellinae", None),
    ("Brachiacanthini", "tribe", "Coccinellinae", None),
    ("Epilachnini", "tribe", "Coccinellinae", None),
    ("Noviini", "tribe", "Coccinellinae", None),
    ("Scymnini", "tribe", "Coccinellinae", None),
)
# The genus Scymnus has a level more than the others: its species sit in a subgenus.
_SUBGENUS, _SUBGENUS_GENUS, _SUBGENUS_TRIBE = "Pullus", "Scymnus", "Scymnini"


@dataclass(frozen=True)
class Taxon:
    """A row of `taxonomy.csv`, with what `all_taxa.csv` needs besides.

    `left`, `right` are nested-set numbers with Life as 0; `leaf_class_id` is None above leaves.
    """

    taxon_id: int
    parent_id: int | None
    name: str
    rank: str
    leaf_class_id: int | None
    spatial_class_id: int
    left: int
    right: int

    @property
    def rank_level(self) -> float:
        """iNaturalist's number for the rank."""
        return LEVEL_OF_RANK[self.rank]

    @property
    def iconic_taxon_id(self) -> int:
        """The iconic taxon it belongs to: Insecta from the class down, else Animalia."""
        return INSECTA_ID if self.rank_level <= LEVEL_OF_RANK["class"] else ANIMALIA_ID


@dataclass(frozen=True)
class DemoTaxonomy:
    """The tree of a demo world.

    Attributes:
        taxa: depth first, Animalia first.
        leaf_ids: taxon id of each leaf of the catalogue, in the catalogue's order.
    """

    taxa: tuple[Taxon, ...]
    leaf_ids: tuple[int, ...]

    @property
    def by_id(self) -> dict[int, Taxon]:
        """The taxa by their id."""
        return {taxon.taxon_id: taxon for taxon in self.taxa}


def _rows(species: tuple[Species, ...]) -> list[tuple[str, str, str, int | None]]:
    """Returns (name, rank, parent, id) of every taxon the species need, parents first."""
    rows: dict[str, tuple[str, str, str, int | None]] = {}
    ancestors = {row[0]: row for row in _ANCESTORS}

    def add(row: tuple[str, str, str, int | None]) -> None:
        parent = row[2]
        if parent and parent not in rows:
            add(ancestors[parent])
        rows.setdefault(row[0], row)

    for leaf in species:
        genus = leaf.genus
        parent = _SUBGENUS_TRIBE if genus.parent == _SUBGENUS else genus.parent
        add((genus.name, "genus", parent, None))
        if leaf.is_genus:
            continue
        if genus.name == _SUBGENUS_GENUS:
            add((_SUBGENUS, "subgenus", genus.name, None))
            add((leaf.name, "species", _SUBGENUS, None))
        else:
            add((leaf.name, "species", genus.name, None))
    return list(rows.values())


def build_taxonomy(species: tuple[Species, ...], seed: int) -> DemoTaxonomy:
    """Returns the tree of these leaves; the seed shuffles the class ids, nothing else."""
    rows = _rows(species)
    invented = iter(range(_FIRST_INVENTED_ID, _FIRST_INVENTED_ID + len(rows)))
    ids = {name: known or next(invented) for name, _, _, known in rows}
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 0])))
    leaf_names = [leaf.name for leaf in species]
    leaf_class = dict(zip(leaf_names, rng.permutation(len(leaf_names)).tolist(), strict=True))
    # Spatial classes: the leaves have theirs first, the taxa above follow.
    above = [name for name, *_ in rows if name not in leaf_class]
    spatial = leaf_class | dict(
        zip(above, (len(leaf_names) + rng.permutation(len(above))).tolist(), strict=True)
    )

    children: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, rank, parent, _ in rows:
        children[parent].append((name, rank))
    taxa: list[Taxon] = []

    def walk(name: str, rank: str, parent_id: int | None, left: int) -> int:
        place, right = len(taxa), left + 1
        taxa.append(Taxon(ids[name], parent_id, name, rank, leaf_class.get(name), 0, 0, 0))
        for child, child_rank in sorted(children[name]):
            right = walk(child, child_rank, ids[name], right) + 1
        taxa[place] = Taxon(
            ids[name], parent_id, name, rank, leaf_class.get(name), spatial[name], left, right
        )
        return right

    walk("Animalia", "kingdom", None, 1)
    return DemoTaxonomy(tuple(taxa), tuple(ids[name] for name in leaf_names))
