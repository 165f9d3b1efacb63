"""The taxa of rows, with or without a table of taxa given beside them.

Without a table the tree is made of the names in the rows. With one, its numbers and its tree count.
Law: no row is lost because the table is of another day. A row whose number the table lacks, or that
has none, is the table's taxon of its name; if there is none either, a taxon of its own, which hangs
with the names above it below the nearest of them that the table has.

    taxa = taxa_of_rows(names, None)                        # of the names alone
    taxa = taxa_of_rows(names, read_taxa_file(connection, path), path)
    taxa.table, taxa.taxon_ids[ref]
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.build_export.named_taxa import NamedTaxa, Step
from pipeline.build_export.named_taxa import Path as TaxonPath
from pipeline.build_export.table_source import TaxaTable
from schemas.errors import DataError
from schemas.ranks import LEVEL_OF_RANK
from schemas.taxon_numbers import invented_taxon_id

_SHOWN = 20


class RowTaxa(NamedTuple):
    """What the rows of a source were identified as.

    Attributes:
        table: all taxa.
        taxon_ids: int64, the number of each place that `NamedTaxa.add` returned.
    """

    table: TaxaTable
    taxon_ids: npt.NDArray[np.int64]


def taxa_of_rows(names: NamedTaxa, table: TaxaTable | None, path: Path | None = None) -> RowTaxa:
    """Returns the taxa of rows.

    Args:
        names: what the rows say.
        table: the taxa given beside them; None if there are none.
        path: its file, for the message.

    Raises:
        DataError: if the table lacks a taxon that rows name by its number alone.
    """
    if table is None:
        return RowTaxa(names.table(), names.taxon_ids())
    refs = names.refs()
    numbers = [taxon_id for taxon_id, _ in refs if taxon_id is not None]
    known = set(table.taxon_ids[np.isin(table.taxon_ids, numbers)].tolist())
    lacking = {ref: way for ref, (taxon_id, way) in enumerate(refs) if taxon_id not in known}
    _require_names([refs[ref][0] for ref, way in lacking.items() if not way], path)
    ways = {ref: names.settled(way) for ref, way in lacking.items()}
    places = _Places(table, {name for way in ways.values() for _, name in way})
    ids = np.array([taxon_id or 0 for taxon_id, _ in refs], np.int64)
    # In the order of paths, not of rows: upper taxa first, and the same numbers each time.
    for ref in sorted(ways, key=lambda ref: (ways[ref], ids[ref])):
        ids[ref] = places.place(refs[ref][0], ways[ref])
    return RowTaxa(places.table(), ids)


def _require_names(nameless: list[int | None], path: Path | None) -> None:
    if nameless:
        shown = ", ".join(str(taxon_id) for taxon_id in sorted(filter(None, nameless))[:_SHOWN])
        more = f" and {len(nameless) - _SHOWN:,} more" if len(nameless) > _SHOWN else ""
        raise DataError(
            path or "the table of taxa",
            problem=f"lacks {len(nameless):,} taxa of the observations, {shown}{more}.",
            remedy="Take a newer table of taxa, or export the observations with the column "
            "scientific_name, by which such taxa are placed.",
        )


class _Places:
    """A table of taxa that grows by those that it lacks.

    Args:
        table: as given.
        names: those that will be looked up.
    """

    def __init__(self, table: TaxaTable, names: set[str]) -> None:
        self._given = table
        self._ids_of_name: dict[str, list[int]] = defaultdict(list)
        for node, name in enumerate(table.names):
            if name in names and table.active[node]:
                self._ids_of_name[name].append(int(table.taxon_ids[node]))
        self._added: dict[int, tuple[int, Step]] = {}

    def place(self, taxon_id: int | None, path: TaxonPath) -> int:
        """Returns the number of a taxon that the table does not know by number.

        Args:
            taxon_id: its number, None if nobody knows.
            path: its names, from the top.
        """
        above, known = 0, 0
        for length, step in enumerate(path, start=1):
            found = self._find(step, above)
            if found:
                above, known = found, length
        for length in range(known + 1, len(path) + 1):
            is_own = length == len(path)
            above = self._add(taxon_id if is_own else None, path[:length], above)
        return above

    def _add(self, taxon_id: int | None, path: TaxonPath, above: int) -> int:
        rank, name = path[-1]
        if taxon_id is None:
            lineage = "/".join(name for _, name in path)
            taxon_id = invented_taxon_id(rank, lineage, self._added)
        self._added[taxon_id] = (above, (rank, name))
        self._ids_of_name[name].append(taxon_id)
        return taxon_id

    def table(self) -> TaxaTable:
        """Returns the table with what was added, in ascending order of number."""
        given, added = self._given, sorted(self._added)
        steps = [self._added[taxon_id][1] for taxon_id in added]
        ids = np.concatenate([given.taxon_ids, np.array(added, np.int64)])
        order = np.argsort(ids)
        parents = np.array([self._added[taxon_id][0] for taxon_id in added], np.int64)
        levels = np.array([LEVEL_OF_RANK[rank] for rank, _ in steps], np.float32)
        ranks = [*given.ranks, *(rank for rank, _ in steps)]
        names = [*given.names, *(name for _, name in steps)]
        return TaxaTable(
            taxon_ids=ids[order],
            parent_ids=np.concatenate([given.parent_ids, parents])[order],
            rank_levels=np.concatenate([given.rank_levels, levels])[order],
            ranks=[ranks[place] for place in order],
            names=[names[place] for place in order],
            active=np.concatenate([given.active, np.ones(len(added), bool)])[order],
        )

    def _find(self, step: Step, above: int) -> int:
        """Returns the one taxon of a name that is at or below `above` (0: anywhere), else 0."""
        rank, name = step
        found = [i for i in self._ids_of_name.get(name, ()) if not above or self._below(i, above)]
        if len(found) > 1:
            found = [i for i in found if self._parent_and_rank(i)[1] == rank]
        return found[0] if len(found) == 1 else 0

    def _below(self, taxon_id: int, above: int) -> bool:
        while taxon_id and taxon_id != above:
            taxon_id = self._parent_and_rank(taxon_id)[0]
        return taxon_id == above

    def _parent_and_rank(self, taxon_id: int) -> tuple[int, str]:
        if taxon_id in self._added:
            parent, (rank, _) = self._added[taxon_id]
            return parent, rank
        given = self._given
        node = int(np.searchsorted(given.taxon_ids, taxon_id))
        if node == len(given.taxon_ids) or given.taxon_ids[node] != taxon_id:
            return 0, ""  # Life, which may have no row
        return int(given.parent_ids[node]), given.ranks[node]
