"""selection.json: what was asked for, and what became of every taxon that photos were found of.

Laws: each photo within the filters counts for exactly one leaf, or for a taxon left out, or is a
double; the file holds no path and no time, so equal requests give equal bytes.

    "request"    settings, files of the source with sizes and hashes
    "counts"     photos and observations read, doubles, photos in the splits
    "leaves"     a leaf each: why it is one, what was there, what was taken, what rolled up into it
    "left_out"   a taxon each: why, and its photos
    "moved_taxa" taxa that rows place in more than one way, where the tree is made of rows
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.build_export.candidates import CandidateCounts
from pipeline.build_export.eligible_taxa import REASONS, TaxonRoles
from pipeline.build_export.export_taxonomy import ExportTaxonomy
from pipeline.build_export.settings import SelectionSettings
from pipeline.build_export.taxon_tree import Nodes, TaxonTree
from schemas.record import SPLITS

REPORT_FILE = "selection.json"


@dataclass(frozen=True, eq=False)
class Selection:
    """A finished selection.

    Attributes:
        tree: T taxa of the source.
        roles: of the taxa.
        settings: what was asked for.
        taxonomy: of the export, N leaves.
        leaf_of_node: int32 [T], leaf class that each node's photos train; -1 for none.
        leaf_below: bool [T], whether a leaf is below the node.
        taxonomy_is_given: whether the taxonomy is another export's.
        moved_taxa: see `TableSource.moved_taxa`.
        candidates: counts of what was read.
        observations: int64 [T], observations identified as each taxon itself.
        photos: int64 [T], their photos.
        counts: int64 [N] by name, see `data_files.selected_counts`.
    """

    tree: TaxonTree
    roles: TaxonRoles
    settings: SelectionSettings
    taxonomy: ExportTaxonomy
    taxonomy_is_given: bool
    leaf_of_node: Nodes
    leaf_below: npt.NDArray[np.bool_]
    moved_taxa: list[str]
    candidates: CandidateCounts
    observations: npt.NDArray[np.int64]
    photos: npt.NDArray[np.int64]
    counts: dict[str, npt.NDArray[np.int64]]

    def report(self, request: dict[str, Any]) -> dict[str, Any]:
        """Returns the contents of selection.json."""
        left_out = self._left_out()
        return {
            "request": request,
            "counts": {
                "candidate_photos": self.candidates.photos,
                "candidate_observations": self.candidates.observations,
                "photos_on_several_observations": self.candidates.doubles,
                "photos_without_observer": self.candidates.without_observer,
                "left_out_photos": sum(taxon["photos"] for taxon in left_out),
                "photos": {split: int(self.counts[split].sum()) for split in SPLITS},
                "observations": int(self.counts["observations"].sum()),
            },
            "leaves": self._leaves(),
            "left_out": left_out,
            "moved_taxa": self.moved_taxa,
        }

    def _leaves(self) -> list[dict[str, Any]]:
        leaves = self.taxonomy.leaves
        available = np.zeros((len(leaves), 2), np.int64)
        rolled: list[list[int]] = [[] for _ in leaves]
        for node in np.flatnonzero(self.photos).tolist():
            # What is below species counts for its species and is not named apart.
            counts_for = int(self.roles.counts_for[node])
            leaf = int(self.leaf_of_node[counts_for]) if counts_for >= 0 else -1
            if leaf >= 0:
                available[leaf] += self.observations[node], self.photos[node]
                taxon_id = int(self.tree.taxa.taxon_ids[counts_for])
                if taxon_id != leaves[leaf].taxon_id:
                    rolled[leaf].append(taxon_id)
        return [
            {
                "leaf_class_id": leaf,
                "taxon_id": row.taxon_id,
                "name": row.name,
                "rank": row.rank,
                "why": self._why(bool(rolled[leaf])),
                "observations_available": int(available[leaf, 0]),
                "photos_available": int(available[leaf, 1]),
                **{split: int(self.counts[split][leaf]) for split in SPLITS},
                "below_minimum": self._below_minimum(leaf),
                "rolled_up_taxa": sorted(set(rolled[leaf])),
            }
            for leaf, row in enumerate(leaves)
        ]

    def _why(self, rolled_up: bool) -> str:
        if self.taxonomy_is_given:
            return "a leaf of the taxonomy given"
        return "taxa below it were short of photos" if rolled_up else "photos of its own suffice"

    def _below_minimum(self, leaf: int) -> list[str]:
        settings = self.settings
        minima = (settings.train_per_leaf, settings.val_per_leaf, settings.test_per_leaf)
        return [
            split
            for split, (least, _) in zip(SPLITS, minima, strict=True)
            if self.counts[split][leaf] < least
        ]

    def _left_out(self) -> list[dict[str, Any]]:
        totals: dict[tuple[int, str], int] = {}
        for node in np.flatnonzero(self.photos).tolist():
            counts_for = int(self.roles.counts_for[node])
            if counts_for < 0:
                key = node, REASONS[self.roles.out[node]]
            elif self.leaf_of_node[counts_for] < 0:
                key = counts_for, self._why_short(counts_for)
            else:
                continue
            totals[key] = totals.get(key, 0) + int(self.photos[node])
        taxa = self.tree.taxa
        return [
            {
                "taxon_id": int(taxa.taxon_ids[node]),
                "name": taxa.names[node],
                "rank": taxa.ranks[node],
                "why": why,
                "photos": photos,
            }
            for (node, why), photos in sorted(totals.items())
        ]

    def _why_short(self, node: int) -> str:
        if self.taxonomy_is_given:
            return "no leaf of the taxonomy given is at or above it"
        for above in reversed(self.tree.lineage(node)):
            if self.leaf_below[above]:
                verb = "identified no further, and" if above == node else "short of photos, and"
                label = self.tree.label(above)
                return f"{verb} {label} has leaves below it"
        return "short of photos, and so is all above it"
