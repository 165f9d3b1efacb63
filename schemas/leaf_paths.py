"""The way from the kingdom down to each leaf, as one array: ancestors without a walk.

Law: two leaves share a node exactly where their rows agree, and the leaves below any node stand
next to each other in `order`.

    paths = leaf_paths(taxonomy)
    paths.nodes[leaf]                       # nodes from the kingdom to the leaf, then -1
    paths.common_nodes(truths, answers)     # lowest node that both stand below
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.taxonomy import Taxonomy

NO_NODE = -1
"""Where there is no node: beyond the end of a path, or above the kingdoms."""


@dataclass(frozen=True, eq=False)
class LeafPaths:
    """The paths of N leaves, D being the number of nodes on the longest.

    Attributes:
        nodes: int32 [N, D], node at each depth, a kingdom first; NO_NODE beyond the leaf.
        order: int32 [N], place of each leaf in an order that keeps the leaves of a node together.
    """

    nodes: npt.NDArray[np.int32]
    order: npt.NDArray[np.int32]

    def common_nodes(
        self, leaves: npt.NDArray[np.integer], others: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.int32]:
        """Returns int32 [B]: the lowest node at or above both leaves; NO_NODE across kingdoms.

        Args:
            leaves: int [B], leaf classes.
            others: int [B], leaf classes.
        """
        own, other = self.nodes[leaves], self.nodes[others]
        shared = (own == other) & (own != NO_NODE)
        # A parent decides its children's agreement: the shared nodes are a beginning of the path.
        depths = shared.sum(axis=1)
        lowest = np.take_along_axis(own, np.maximum(depths - 1, 0)[:, None], axis=1)[:, 0]
        return np.where(depths > 0, lowest, NO_NODE).astype(np.int32)


def leaf_paths(taxonomy: Taxonomy) -> LeafPaths:
    """Returns the paths of a taxonomy's leaves, in class order."""
    depths = taxonomy.depths[taxonomy.leaf_nodes]
    nodes = np.full((taxonomy.num_leaves, int(depths.max(initial=0)) + 1), NO_NODE, np.int32)
    rows, above = np.arange(taxonomy.num_leaves), taxonomy.leaf_nodes.copy()
    while len(rows):
        nodes[rows, depths[rows]] = above
        depths = depths - 1
        above = taxonomy.parent_nodes[above]
        rows, above = rows[above != NO_NODE], above[above != NO_NODE]
    order = np.empty(taxonomy.num_leaves, np.int32)
    order[np.lexsort(nodes.T[::-1])] = np.arange(taxonomy.num_leaves)
    return LeafPaths(nodes, order)
