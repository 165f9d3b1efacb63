"""The best branch: from the best kingdom down, at each step to the child of most score.

Of equal children the first of the file is taken, as in iNaturalist's apps.

    branches = Branches(taxonomy)
    branches.best(taxonomy.sum_to_nodes(scores))       # int32 [B, D], NO_NODE beyond the leaf
    best_branch(taxonomy, node_scores)                 # of one photo, a list of nodes
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.leaf_paths import NO_NODE
from schemas.taxonomy import Taxonomy

Floats = npt.NDArray[np.float64]


class Branches:
    """A taxonomy's T nodes, grouped by parent.

    Args:
        taxonomy: of the model.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._depth = int(taxonomy.depths.max(initial=0)) + 1
        self._order = np.argsort(taxonomy.parent_nodes, kind="stable")
        parents = taxonomy.parent_nodes[self._order]
        self._starts = np.flatnonzero(np.diff(parents, prepend=NO_NODE - 1))
        self._group = np.cumsum(np.diff(parents, prepend=NO_NODE - 1) > 0) - 1
        # Place NO_NODE, the last, is the kingdoms' group; -1 where a node has no children.
        self._group_of = np.full(len(taxonomy) + 1, -1)
        self._group_of[parents[self._starts]] = np.arange(len(self._starts))

    def best(self, node_scores: Floats) -> npt.NDArray[np.int32]:
        """Returns int32 [B, D]: the nodes of each photo's best branch; NO_NODE beyond its end.

        Args:
            node_scores: float64 [B, T], of `Taxonomy.sum_to_nodes`.
        """
        best_child = self._best_children(node_scores)
        rows = np.arange(len(node_scores))
        branch = np.full((len(node_scores), self._depth), NO_NODE, np.int32)
        group = np.full(len(node_scores), self._group_of[NO_NODE])
        for depth in range(self._depth):
            branch[:, depth] = np.where(group >= 0, best_child[rows, group], NO_NODE)
            group = np.where(group >= 0, self._group_of[branch[:, depth]], -1)
        return branch

    def _best_children(self, node_scores: Floats) -> npt.NDArray[np.int32]:
        """Returns int32 [B, G]: of each group of siblings the first of most score."""
        scores = node_scores[:, self._order]
        most = np.maximum.reduceat(scores, self._starts, axis=1)
        place = np.where(scores == most[:, self._group], np.arange(len(self._order)), 2**31 - 1)
        first = np.minimum.reduceat(place, self._starts, axis=1)
        return self._order[first].astype(np.int32)


def best_branch(taxonomy: Taxonomy, node_scores: Floats) -> list[int]:
    """Returns the nodes of one photo's best branch, the kingdom first.

    Args:
        taxonomy: T nodes.
        node_scores: float64 [T], one photo's row of `Taxonomy.sum_to_nodes`.
    """
    branch = Branches(taxonomy).best(node_scores[None])[0]
    return [int(node) for node in branch if node != NO_NODE]
