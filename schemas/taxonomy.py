"""The tree of taxa that a model answers with, and its arithmetic.

Read once from the export, checked once, carried as an artifact: labels, slices, roll-up and the
phone's files all come from one `Taxonomy`, and nobody counts classes in the data.

A taxonomy has T nodes in the order of its file and N leaves, the classes of the model. The root
"Life" is not a node: kingdoms have parent index -1.

    taxonomy = read_taxonomy("vision-export/taxonomy.csv")
    taxonomy.num_leaves                      # N
    taxonomy.taxon_ids[taxonomy.leaf_nodes]  # taxon id of each leaf class, int64 [N]
    taxonomy.lineage(node)                   # nodes from the kingdom down to the node
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from schemas.ranks import ICONIC_TAXON_NAMES, RANK_OF_LEVEL

NO_LEAF = -1
"""`leaf_class_ids` of a node that is not a leaf."""


@dataclass(frozen=True, eq=False)
class Taxonomy:
    """A checked taxonomy.

    Attributes:
        taxon_ids: int64 [T], iNaturalist's ids, unique.
        parent_nodes: int32 [T], index of each node's parent; -1 for a kingdom.
        rank_levels: float32 [T], 10 = species ... 70 = kingdom.
        leaf_class_ids: int32 [T], class of the model, 0..N-1; -1 for a node that is no leaf.
        iconic_taxon_ids: int64 [T], taxon id of the iconic taxon a node belongs to; 0 for none.
        names: scientific names, length T.
    """

    taxon_ids: npt.NDArray[np.int64]
    parent_nodes: npt.NDArray[np.int32]
    rank_levels: npt.NDArray[np.float32]
    leaf_class_ids: npt.NDArray[np.int32]
    iconic_taxon_ids: npt.NDArray[np.int64]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.taxon_ids)

    @cached_property
    def num_leaves(self) -> int:
        """N, the number of classes of a model."""
        return int((self.leaf_class_ids != NO_LEAF).sum())

    @cached_property
    def leaf_nodes(self) -> npt.NDArray[np.int32]:
        """int32 [N]: the node of each leaf class, in class order."""
        nodes = np.flatnonzero(self.leaf_class_ids != NO_LEAF)
        return nodes[np.argsort(self.leaf_class_ids[nodes])].astype(np.int32)

    @cached_property
    def leaf_taxon_ids(self) -> npt.NDArray[np.int64]:
        """int64 [N]: the taxon id of each leaf class."""
        return self.taxon_ids[self.leaf_nodes]

    @cached_property
    def leaf_names(self) -> list[str]:
        """Scientific name of each leaf class, length N."""
        return [self.names[node] for node in self.leaf_nodes]

    @cached_property
    def node_of_taxon(self) -> dict[int, int]:
        """Node by taxon id."""
        return {int(taxon_id): node for node, taxon_id in enumerate(self.taxon_ids)}

    @cached_property
    def leaf_of_taxon(self) -> dict[int, int]:
        """Leaf class by taxon id, leaves only."""
        return {int(taxon_id): leaf for leaf, taxon_id in enumerate(self.leaf_taxon_ids)}

    @cached_property
    def depths(self) -> npt.NDArray[np.int32]:
        """int32 [T]: 0 for a kingdom, one more than its parent's for any other node."""
        depths = np.zeros(len(self), np.int32)
        above = self.parent_nodes.copy()
        while (reached := above >= 0).any():
            depths[reached] += 1
            above[reached] = self.parent_nodes[above[reached]]
        return depths

    def lineage(self, node: int) -> list[int]:
        """Returns the nodes from the kingdom down to `node`, itself included."""
        path = [node]
        while (parent := int(self.parent_nodes[path[-1]])) >= 0:
            path.append(parent)
        return path[::-1]

    def rank_name(self, node: int) -> str:
        """Returns the rank of a node as a word, or "level 12.5" where iNaturalist has none."""
        level = float(self.rank_levels[node])
        return RANK_OF_LEVEL.get(level, f"level {level:g}")

    def leaf_ancestors_at(self, rank_level: float) -> npt.NDArray[np.int64]:
        """Returns int64 [N]: each leaf's ancestor (or itself) of that level; 0 where it has none.

        Args:
            rank_level: a level of `schemas.ranks`, for example 30.0 for family.
        """
        found = np.zeros(self.num_leaves, np.int64)
        above = self.leaf_nodes.copy()
        while (reached := above >= 0).any():
            hit = reached & (self.rank_levels[above] == rank_level)
            found[hit] = self.taxon_ids[above[hit]]
            above = np.where(reached, self.parent_nodes[above], -1).astype(np.int32)
        return found

    def iconic_name(self, iconic_taxon_id: int) -> str:
        """Returns the name of an iconic taxon: the tree's own, or iNaturalist's; "" for 0."""
        node = self.node_of_taxon.get(iconic_taxon_id)
        if node is not None:
            return self.names[node]
        return ICONIC_TAXON_NAMES.get(iconic_taxon_id, "")

    def sum_to_nodes(self, leaf_scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Returns float64 [B, T]: each node's score, the sum over the leaves at or below it.

        Args:
            leaf_scores: float [B, N], non-negative scores of the leaf classes.
        """
        scores = np.zeros((len(leaf_scores), len(self)), np.float64)
        scores[:, self.leaf_nodes] = leaf_scores
        for depth in range(int(self.depths.max()), 0, -1):
            nodes = np.flatnonzero(self.depths == depth)
            np.add.at(scores.T, self.parent_nodes[nodes], scores.T[nodes])
        return scores
