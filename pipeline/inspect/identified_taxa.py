"""The taxa that a table's observations were identified as.

Law: an identification that the table of taxa does not know counts as well, without name and rank.

    identified = identified_taxa(connection, taxa)
    identified.spread()                  # PhotosPerTaxon
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from duckdb import DuckDBPyConnection

from pipeline.build_export.table_source import TaxaTable
from pipeline.inspect.inspection import PhotosPerTaxon, Taxa
from pipeline.inspect.known_taxa import rank_counts, rank_name
from pipeline.inspect.photo_bins import per_taxon

UNKNOWN_NODE = -1


@dataclass(frozen=True, eq=False)
class IdentifiedTaxa:
    """Taxa with photos, K of them.

    Attributes:
        taxa: the table; None if it could not be read.
        taxon_ids: int64 [K], ascending.
        photos: int64 [K].
        nodes: int64 [K], places in the table; -1 where it does not know the taxon.
    """

    taxa: TaxaTable | None
    taxon_ids: npt.NDArray[np.int64]
    photos: npt.NDArray[np.int64]
    nodes: npt.NDArray[np.int64]

    def figures(self) -> Taxa | None:
        """Returns counts and ranks; None without a table of taxa."""
        if self.taxa is None:
            return None
        levels = np.append(self.taxa.rank_levels, np.float32(0))  # Node -1 is of level 0: none.
        return Taxa(
            taxa=len(self.taxa.taxon_ids),
            leaves=None,
            with_photos=len(self.taxon_ids),
            ranks=rank_counts(Counter(levels[self.nodes].tolist())),
            all_ranks=rank_counts(Counter(self.taxa.rank_levels.tolist())),
        )

    def spread(self) -> PhotosPerTaxon | None:
        """Returns how photos are spread over the taxa."""
        return per_taxon(self.photos, self._taxon_at)

    def name(self, taxon_id: int | None) -> str:
        """Returns the name of a taxon with photos; "taxon 7" for one unknown."""
        if taxon_id is None:
            return "no taxon"
        place = int(np.searchsorted(self.taxon_ids, taxon_id))
        return self._taxon_at(place)[1]

    def num_inactive(self) -> int:
        """Returns how many of the taxa have been merged, split or dropped."""
        if self.taxa is None:
            return 0
        return int((~self.taxa.active[self.nodes[self.nodes != UNKNOWN_NODE]]).sum())

    def num_unknown(self) -> int:
        """Returns how many the table of taxa does not know."""
        return int((self.nodes == UNKNOWN_NODE).sum()) if self.taxa is not None else 0

    def _taxon_at(self, place: int) -> tuple[int, str, str]:
        taxon_id, node = int(self.taxon_ids[place]), int(self.nodes[place])
        if self.taxa is None or node == UNKNOWN_NODE:
            return taxon_id, f"taxon {taxon_id}", ""
        return taxon_id, self.taxa.names[node], rank_name(float(self.taxa.rank_levels[node]))


def identified_taxa(connection: DuckDBPyConnection, taxa: TaxaTable | None) -> IdentifiedTaxa:
    """Returns the taxa of the table `seen`."""
    answer = connection.execute(
        """SELECT taxon_id, count(*) AS photos FROM seen
        WHERE taxon_id IS NOT NULL GROUP BY taxon_id ORDER BY taxon_id"""
    ).fetchnumpy()
    ids = np.asarray(answer["taxon_id"], np.int64)
    nodes = np.full(len(ids), UNKNOWN_NODE, np.int64)
    if taxa is not None and len(taxa.taxon_ids):
        near = np.searchsorted(taxa.taxon_ids, ids).clip(max=len(taxa.taxon_ids) - 1)
        nodes = np.where(taxa.taxon_ids[near] == ids, near, UNKNOWN_NODE)
    return IdentifiedTaxa(taxa, ids, np.asarray(answer["photos"], np.int64), nodes)
