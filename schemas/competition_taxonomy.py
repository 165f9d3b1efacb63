"""The tree of taxa from a competition's categories.

Years differ in what a category says: kingdom to genus (2018, 2019, 2021), or a name and one of
iNaturalist's iconic taxa (2017). The tree is made of whatever ranks are there:

1. the ranks a category names, kingdom first; without any, its supercategory stands for them;
2. the genus from a name of two words or more, where no genus is named;
3. the category itself, always a node of its own and a leaf, even where other categories lie in it:
   "Quercus", meaning no closer species, becomes a leaf below the genus Quercus.

Nodes are told apart by their whole path, so homonyms stay two. Iconic taxa have iNaturalist's ids;
all others get invented ones, the same for the same categories.

    taxonomy = taxonomy_of([Category(7, "Corvus corax", "Birds", ())])
    taxonomy.leaf_names                     # ['Corvus corax']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from schemas.ranks import ICONIC_TAXON_NAMES, level_of
from schemas.taxon_numbers import invented_taxon_id
from schemas.taxonomy import NO_LEAF, Taxonomy

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
"""Ranks that a category may name, from the root down."""

_ENGLISH_NAMES = {
    "Plants": "Plantae",
    "Insects": "Insecta",
    "Birds": "Aves",
    "Reptiles": "Reptilia",
    "Mammals": "Mammalia",
    "Ray-finned Fishes": "Actinopterygii",
    "Amphibians": "Amphibia",
    "Mollusks": "Mollusca",
    "Arachnids": "Arachnida",
    "Animals": "Animalia",
    "Protozoans": "Protozoa",
}
"""Supercategories of 2021, by their names in iNaturalist's tree; 2017 has those names."""

_ICONIC_IDS = {name: taxon_id for taxon_id, name in ICONIC_TAXON_NAMES.items()}
_ICONIC_KINGDOMS = ("Animalia", "Plantae", "Fungi", "Chromista", "Protozoa")

_Step = tuple[str, str]
"""Rank and name of a node."""


@dataclass(frozen=True, slots=True)
class Category:
    """A class of the competition.

    Attributes:
        category_id: its id in the JSON.
        name: scientific name, or what stands for it in files with veiled names.
        supercategory: iconic taxon, in English or Latin; "" if the file does not say.
        ranks: (rank, name) of the taxa above it that the file names, kingdom first.
    """

    category_id: int
    name: str
    supercategory: str
    ranks: tuple[tuple[str, str], ...]


@dataclass
class _Tree:
    """Nodes in the order they were met, parents first."""

    node_of_path: dict[tuple[_Step, ...], int] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    taxon_ids: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)
    leaves: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def inner(self, path: tuple[_Step, ...]) -> int:
        """Returns the node of a path, made with all above it if it is new; -1 for no path."""
        if not path:
            return -1
        if path not in self.node_of_path:
            self.node_of_path[path] = self._add(path, NO_LEAF)
        return self.node_of_path[path]

    def leaf(self, path: tuple[_Step, ...], leaf: int) -> None:
        """Makes the node of a leaf class."""
        self._add(path, leaf)

    def _add(self, path: tuple[_Step, ...], leaf: int) -> int:
        parent = self.inner(path[:-1])
        rank, name = path[-1]
        taxon_id = _iconic_id(rank, name)
        if not taxon_id or taxon_id in self.taken:
            lineage = "/".join(name for _, name in path)
            taxon_id = invented_taxon_id(rank, lineage, self.taken)
        self.taken.add(taxon_id)
        self.taxon_ids.append(taxon_id)
        self.parents.append(parent)
        self.levels.append(level_of(rank))
        self.leaves.append(leaf)
        self.names.append(name)
        return len(self.names) - 1


def taxonomy_of(categories: Sequence[Category]) -> Taxonomy:
    """Returns the tree whose leaf class i is the i-th category.

    Args:
        categories: of different names and paths, in the order of their ids.
    """
    paths = [path_of(category) for category in categories]
    # A category that others lie below is a leaf below its own node.
    inner = {path[:length] for path in paths for length in range(1, len(path))}
    tree = _Tree()
    for leaf, path in enumerate(paths):
        tree.leaf((*path, path[-1]) if path in inner else path, leaf)
    parents = np.array(tree.parents, np.int32)
    leaves = np.array(tree.leaves, np.int32)
    taxon_ids = np.array(tree.taxon_ids, np.int64)
    return Taxonomy(
        taxon_ids=taxon_ids,
        parent_nodes=parents,
        rank_levels=np.array(tree.levels, np.float32),
        leaf_class_ids=leaves,
        iconic_taxon_ids=_iconic_ids(categories, taxon_ids, parents, leaves),
        names=tuple(tree.names),
    )


def path_of(category: Category) -> tuple[_Step, ...]:
    """Returns rank and name of each node from the root down to the category."""
    above = category.ranks or path_of_iconic_taxon(category.supercategory)
    words = category.name.split()
    if above and above[-1][1] == category.name:
        return above
    ranks_named = {rank for rank, _ in above}
    if "genus" not in ranks_named and len(words) > 1:
        above = (*above, ("genus", words[0]))
        ranks_named.add("genus")
    return (*above, (_own_rank(words, "genus" in ranks_named), category.name))


def _own_rank(words: Sequence[str], has_genus: bool) -> str:
    """Subspecies stand beside their species, which may be a category itself and have no children.

    A single word without a genus above it is one, or a family by its ending.
    """
    if not has_genus:
        return "family" if words[0].endswith(("idae", "aceae")) else "genus"
    crossed = any(word in ("×", "x") for word in words)
    return "subspecies" if len(words) > 2 and not crossed else "species"


def path_of_iconic_taxon(name: str) -> tuple[_Step, ...]:
    """Returns rank and name of the nodes down to an iconic taxon, by its Latin or English name.

    Iconic animals lie below Animalia, as in iNaturalist's tree. An empty name gives no node.
    """
    latin = _ENGLISH_NAMES.get(name, name)
    if not latin:
        return ()
    if latin not in _ICONIC_IDS or latin in _ICONIC_KINGDOMS:
        return (("kingdom", latin),)
    return (("kingdom", "Animalia"), (_iconic_rank(latin), latin))


def _iconic_rank(name: str) -> str:
    if name in _ICONIC_KINGDOMS:
        return "kingdom"
    return "phylum" if name == "Mollusca" else "class"


def _iconic_id(rank: str, name: str) -> int:
    """Returns iNaturalist's id of a node that is an iconic taxon, else 0."""
    is_iconic = name in _ICONIC_IDS and rank == _iconic_rank(name)
    return _ICONIC_IDS[name] if is_iconic else 0


def _iconic_ids(
    categories: Sequence[Category],
    taxon_ids: npt.NDArray[np.int64],
    parents: npt.NDArray[np.int32],
    leaves: npt.NDArray[np.int32],
) -> npt.NDArray[np.int64]:
    """Returns int64 [T]: the nearest iconic taxon above; for leaves without one, what the
    supercategory says, which is all there is where the names of ranks are veiled.
    """
    found = np.where(np.isin(taxon_ids, list(ICONIC_TAXON_NAMES)), taxon_ids, 0)
    for node, (parent, leaf) in enumerate(zip(parents, leaves, strict=True)):
        if not found[node] and parent >= 0:
            found[node] = found[parent]
        if not found[node] and leaf != NO_LEAF:
            name = categories[leaf].supercategory
            found[node] = _ICONIC_IDS.get(_ENGLISH_NAMES.get(name, name), 0)
    return found
