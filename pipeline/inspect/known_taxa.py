"""What a tree of taxa says of its leaves, also when the tree is broken.

Law: a tree with faults still gives names and ranks, as far as its rows can be read; which class is
whose is then taken from the first row that says so.

    known = KnownTaxa.of(export.taxonomy())
    known.leaf(3)                        # (9100007, 'Coccinella magnifica', 'species')
    KnownTaxa.read_loosely("taxonomy.csv")
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.inspect.file_faults import Noted
from pipeline.inspect.id_keys import MAX_LEAF
from pipeline.inspect.inspection import Count
from schemas.csv_rows import parse_integer, read_rows
from schemas.ranks import RANK_OF_LEVEL
from schemas.taxonomy import Taxonomy

Leaf = tuple[int, str, str]
"""Taxon id, name and rank."""


@dataclass(frozen=True)
class KnownTaxa:
    """A tree, as far as it can be told of.

    Attributes:
        taxa: nodes.
        leaves: by leaf class.
        levels: how many nodes have each rank level.
        leaf_levels: how many leaves have each rank level.
    """

    taxa: int
    leaves: Mapping[int, Leaf]
    levels: Mapping[float, int]
    leaf_levels: Mapping[float, int]

    @classmethod
    def of(cls, taxonomy: Taxonomy) -> KnownTaxa:
        """Returns what a sound tree says."""
        nodes = taxonomy.leaf_nodes.tolist()
        leaves = {
            leaf: (int(taxonomy.taxon_ids[node]), taxonomy.names[node], taxonomy.rank_name(node))
            for leaf, node in enumerate(nodes)
        }
        levels = Counter(taxonomy.rank_levels.tolist())
        return cls(len(taxonomy), leaves, levels, Counter(taxonomy.rank_levels[nodes].tolist()))

    @classmethod
    def read_loosely(cls, path: Path) -> KnownTaxa:
        """Returns what can be read of a broken taxonomy.csv.

        Raises:
            DataError: if the file cannot be read at all.
        """
        leaves: dict[int, Leaf] = {}
        levels, leaf_levels = Counter[float](), Counter[float]()
        taxa = 0
        for _, cells in read_rows(path, Noted(path)):
            taxa += 1
            taxon_id = parse_integer(cells.get("taxon_id", "")) or 0
            level = _level(cells.get("rank_level", ""))
            leaf = parse_integer(cells.get("leaf_class_id", ""))
            levels[level] += 1
            if leaf is not None and 0 <= leaf <= MAX_LEAF and leaf not in leaves:
                leaves[leaf] = (taxon_id, cells.get("name", ""), rank_name(level))
                leaf_levels[level] += 1
        return cls(taxa, leaves, levels, leaf_levels)

    def leaf(self, leaf_class_id: int) -> Leaf:
        """Returns (taxon id, name, rank) of a class; 0 and the class itself if it is unknown."""
        return self.leaves.get(leaf_class_id, (0, f"leaf class {leaf_class_id}", ""))


def rank_name(level: float) -> str:
    """Returns the rank of a level as a word; "" for level 0, which stands for none."""
    return RANK_OF_LEVEL.get(level, f"level {level:g}") if level else ""


def rank_counts(levels: Mapping[float, int]) -> tuple[Count, ...]:
    """Returns how many taxa have each rank, from kingdom down; None for a rank unknown."""
    return tuple(
        Count(rank_name(level) or None, count) for level, count in sorted(levels.items())[::-1]
    )


def commonest(counts: Mapping[str | None, int]) -> tuple[Count, ...]:
    """Returns counts, the commonest first, equal ones by name."""
    ordered: Iterable[tuple[str | None, int]] = sorted(
        counts.items(), key=lambda item: (-item[1], item[0] or "")
    )
    return tuple(Count(name, count) for name, count in ordered)


def _level(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return 0.0
