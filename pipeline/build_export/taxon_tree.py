"""All taxa of a source as a tree of array indices, and the walks that the selection needs.

A node is a row of the source's `TaxaTable`. Law: each walk is one pass over the levels of the tree,
parents before children or children before parents, so that millions of taxa cost little.

    tree = TaxonTree(source.taxa(connection))
    tree.node_of(48486)                      # row of Coccinellidae, or None
    tree.sum_up(photos)                      # photos at or below each node
"""

from __future__ import annotations

from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.build_export.table_source import TaxaTable
from schemas.ranks import ICONIC_TAXON_NAMES
from schemas.taxonomy_csv import LIFE_TAXON_ID

Scalar = TypeVar("Scalar", bound=np.generic)
Nodes = npt.NDArray[np.int32]


class TaxonTree:
    """The tree of T taxa; kingdoms stand at the top, and so does Life, apart from them.

    Args:
        taxa: of a source, checked.
    """

    def __init__(self, taxa: TaxaTable) -> None:
        self.taxa = taxa
        self.parents = _parent_nodes(taxa)
        """int32 [T]: node of each parent; -1 for a kingdom and for Life."""

    def __len__(self) -> int:
        return len(self.parents)

    def node_of(self, taxon_id: int) -> int | None:
        """Returns the node of a taxon, None if it is not in the table."""
        place = int(np.searchsorted(self.taxa.taxon_ids, taxon_id))
        known = place < len(self) and int(self.taxa.taxon_ids[place]) == taxon_id
        return place if known else None

    def label(self, node: int) -> str:
        """Returns "species Coccinella septempunctata (51702)"."""
        taxa = self.taxa
        return f"{taxa.ranks[node]} {taxa.names[node]} ({taxa.taxon_ids[node]})"

    def lineage(self, node: int) -> list[int]:
        """Returns the nodes from the kingdom down to `node`, itself included."""
        path = [node]
        while (parent := int(self.parents[path[-1]])) >= 0:
            path.append(parent)
        return path[::-1]

    @cached_property
    def layers(self) -> list[Nodes]:
        """The nodes by depth, the top first."""
        depths = np.zeros(len(self), np.int32)
        above = self.parents.copy()
        while (reached := above >= 0).any():
            depths[reached] += 1
            above[reached] = self.parents[above[reached]]
        order = np.argsort(depths, kind="stable").astype(np.int32)
        bounds = np.flatnonzero(np.diff(depths[order])) + 1
        return np.split(order, bounds)

    @cached_property
    def is_life(self) -> npt.NDArray[np.bool_]:
        """bool [T]: the root of iNaturalist's tree, which no export holds."""
        return self.taxa.taxon_ids == LIFE_TAXON_ID

    @cached_property
    def iconic_nodes(self) -> Nodes:
        """int32 [T]: the nearest iconic taxon at or above each node; -1 for none."""
        return self.nearest(np.isin(self.taxa.taxon_ids, list(ICONIC_TAXON_NAMES)))

    def sum_up(self, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Returns int64 like `counts` [T, ...]: each node's own count and those below it."""
        sums = counts.copy()
        for layer in reversed(self.layers[1:]):
            np.add.at(sums, self.parents[layer], sums[layer])
        return sums

    def push_down(self, values: npt.NDArray[Scalar], empty: int | bool) -> npt.NDArray[Scalar]:
        """Returns [T]: each node's own value, or the nearest one above where its own is `empty`."""
        pushed = values.copy()
        for layer in self.layers[1:]:
            own = pushed[layer]
            pushed[layer] = np.where(own == empty, pushed[self.parents[layer]], own)
        return pushed

    def nearest(self, marked: npt.NDArray[np.bool_]) -> Nodes:
        """Returns int32 [T]: the nearest marked node at or above each node; -1 for none."""
        return self.push_down(np.where(marked, np.arange(len(self)), -1).astype(np.int32), -1)

    def at_or_above(self, marked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Returns bool [T]: whether a marked node is at or below each node."""
        return self.sum_up(marked.astype(np.int64)) > 0

    def preorder(self, kept: npt.NDArray[np.bool_]) -> list[int]:
        """Returns the kept nodes, each before its children, children by ascending taxon id.

        Args:
            kept: bool [T]; the parent of a kept node must be kept.
        """
        children: dict[int, list[int]] = {}
        for node in np.flatnonzero(kept).tolist():
            children.setdefault(int(self.parents[node]), []).append(node)
        order: list[int] = []
        waiting = children.get(-1, [])[::-1]
        while waiting:
            node = waiting.pop()
            order.append(node)
            waiting.extend(reversed(children.get(node, [])))
        return order


def _parent_nodes(taxa: TaxaTable) -> Nodes:
    nodes = np.searchsorted(taxa.taxon_ids, taxa.parent_ids)
    nodes = nodes.clip(max=max(0, len(taxa.taxon_ids) - 1))
    if not len(nodes):
        return np.zeros(0, np.int32)
    real = (taxa.parent_ids != 0) & (taxa.parent_ids != LIFE_TAXON_ID)
    known = real & (taxa.taxon_ids[nodes] == taxa.parent_ids)
    return np.where(known, nodes, -1).astype(np.int32)
