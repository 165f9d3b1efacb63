"""all_taxa.csv: every taxon that photos were found of, and what became of it.

Laws: rows are in pre-order with Life first and nested-set numbers (a taxon's `left` and `right`
enclose those of all below it, Life's are 0 and 2n - 1); observations_count is of the observations
at or below the taxon that passed the filters. The status is iNaturalist's:

    complete     above leaves
    populated    a leaf
    incomplete   short of photos, so rolled up or left out
    skipped      below species, inactive, hybrid or excluded
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.build_export.eligible_taxa import TaxonRoles
from pipeline.build_export.export_taxonomy import ExportTaxonomy, csv_text, plain
from pipeline.build_export.taxon_tree import TaxonTree
from schemas.ranks import LEVEL_OF_RANK
from schemas.record import SPLITS
from schemas.taxonomy_csv import LIFE_TAXON_ID

ALL_TAXA_FILE = "all_taxa.csv"
COLUMNS = (
    "parent_taxon_id,taxon_id,leaf_class_id,iconic_class_id,spatial_class_id,rank,rank_level,"
    "iconic_taxon_id,left,right,observations_count,is_active,name,status,train,val,test,spatial"
)


@dataclass(frozen=True, eq=False)
class AllTaxa:
    """What the file is made of.

    Attributes:
        tree: T taxa of the source.
        roles: of the taxa.
        observations: int64 [T], observations identified as each taxon itself.
        taxonomy: of the export.
        counts: int64 [N] by name: photos of each leaf by split, and "places".
    """

    tree: TaxonTree
    roles: TaxonRoles
    observations: npt.NDArray[np.int64]
    taxonomy: ExportTaxonomy
    counts: dict[str, npt.NDArray[np.int64]]

    def text(self) -> bytes:
        """Returns the bytes of the file."""
        return csv_text(COLUMNS, self._rows())

    def _rows(self) -> Iterator[tuple[object, ...]]:
        tree = self.tree
        exported = np.isin(tree.taxa.taxon_ids, list(self.taxonomy.row_of))
        kept = tree.at_or_above(exported | (self.observations > 0)) & ~tree.is_life
        order = tree.preorder(kept)
        seen = tree.sum_up(self.observations)
        below = tree.sum_up(kept.astype(np.int64)) - kept
        total = int(self.observations.sum())
        level = LEVEL_OF_RANK["stateofmatter"]
        yield (
            *(0, LIFE_TAXON_ID, None, None, None, "stateofmatter", level, 0),
            *(0, 2 * len(order) + 1, total, "true", "Life", "complete", None, None, None, None),
        )
        left = 1
        parts: dict[int, int] = {}
        for node in order:
            # A node's `left` is its parent's and one more, past the siblings before it.
            parent = int(tree.parents[node])
            start = parts[parent] if parent >= 0 else left
            end = start + 2 * int(below[node]) + 1
            parts[node] = start + 1
            if parent >= 0:
                parts[parent] = end + 1
            else:
                left = end + 1
            yield self._row(node, start, end, int(seen[node]))

    def _row(self, node: int, left: int, right: int, seen: int) -> tuple[object, ...]:
        taxa, tree = self.tree.taxa, self.tree
        taxon_id, parent = int(taxa.taxon_ids[node]), int(tree.parents[node])
        row = self.taxonomy.row_of.get(taxon_id)
        leaf = row.leaf_class_id if row else None
        iconic = int(tree.iconic_nodes[node])
        return (
            int(taxa.taxon_ids[parent]) if parent >= 0 else None,
            taxon_id,
            leaf,
            row.iconic_class_id if row else None,
            row.spatial_class_id if row else None,
            taxa.ranks[node],
            float(taxa.rank_levels[node]),
            int(taxa.taxon_ids[iconic]) if iconic >= 0 else None,
            left,
            right,
            seen,
            "true" if taxa.active[node] else "false",
            plain(taxa.names[node]),
            status := self._status(node, row is not None, leaf),
            *self._counts(leaf, status),
        )

    def _status(self, node: int, exported: bool, leaf: int | None) -> str:
        if leaf is not None:
            return "populated"
        if exported:
            return "complete"
        below_species = self.tree.taxa.rank_levels[node] < LEVEL_OF_RANK["species"]
        return "skipped" if self.roles.out[node] or below_species else "incomplete"

    def _counts(self, leaf: int | None, status: str) -> tuple[int | None, ...]:
        names = (*SPLITS, "places")
        if status == "skipped":
            return (None,) * len(names)
        return tuple(int(self.counts[name][leaf]) if leaf is not None else 0 for name in names)
