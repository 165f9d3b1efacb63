"""The table of taxa of iNaturalist's Open Data, read and checked.

Law: what is returned is a forest: ids are unique, every active taxon's parent is there, no taxon is
below itself, every rank is one of iNaturalist's. All faults are reported together.

    taxa = read_taxa(connection, Path("taxa.csv.gz"))
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from duckdb import DuckDBPyConnection

from pipeline.build_export.csv_faults import raise_faults, reading
from pipeline.build_export.tab_separated import read_tabs, require_tabs
from pipeline.build_export.table_source import TaxaTable
from schemas.csv_rows import Problems
from schemas.errors import did_you_mean
from schemas.ranks import LEVEL_OF_RANK
from schemas.taxonomy_csv import LIFE_TAXON_ID

COLUMNS = {
    "taxon_id": "BIGINT",
    "ancestry": "VARCHAR",
    "rank_level": "DOUBLE",
    "rank": "VARCHAR",
    "name": "VARCHAR",
    "active": "BOOLEAN",
}
"""Columns that the table must have, with DuckDB's types."""

REMEDY = "Take all tables from one dump, or correct the row."


def read_taxa(connection: DuckDBPyConnection, path: Path) -> TaxaTable:
    """Returns the taxa in a taxa.csv or taxa.csv.gz.

    Args:
        connection: any; nothing is left in it.
        path: tab separated, unquoted, with the columns of `COLUMNS`.

    Raises:
        DataError: if the file cannot be read, lacks columns, or has faulty rows.
    """
    header = require_tabs(path, tuple(COLUMNS))
    # DuckDB keeps the order of the file, so the place in the answer is the row.
    with reading():
        columns = connection.execute(
            f"""SELECT taxon_id,
                       coalesce(regexp_extract(ancestry, '[^/]*$'), '') AS parent,
                       rank_level::FLOAT AS rank_level, rank, name, active
                FROM {read_tabs(path, header, COLUMNS)}"""
        ).fetchnumpy()
    raise_faults(connection, REMEDY)
    problems = Problems(path)
    for column in ("taxon_id", "rank_level", "rank", "name", "active"):
        # Only a column with empty cells has a mask; np.ma itself is slow to import.
        for place in np.flatnonzero(getattr(columns[column], "mask", False)):
            problems.add(int(place) + 2, column, "is empty.")
    problems.raise_if_any(REMEDY)
    return _checked(
        problems,
        ids=np.asarray(columns["taxon_id"]).astype(np.int64),
        parents=_parents(columns["parent"], problems),
        levels=np.asarray(columns["rank_level"]).astype(np.float32),
        ranks=np.asarray(columns["rank"]),
        names=np.asarray(columns["name"]),
        active=np.asarray(columns["active"]).astype(bool),
    )


def _parents(cells: npt.NDArray[np.object_], problems: Problems) -> npt.NDArray[np.int64]:
    words = np.asarray(cells)
    parents = np.zeros(len(words), np.int64)
    for place, word in enumerate(words):
        if word.isdecimal():
            parents[place] = int(word)
        elif word:
            problems.add(
                place + 2,
                "ancestry",
                f"does not end in a taxon id, as 48460/1/2. Received: {word!r}.",
            )
    return parents


def _checked(
    problems: Problems,
    *,
    ids: npt.NDArray[np.int64],
    parents: npt.NDArray[np.int64],
    levels: npt.NDArray[np.float32],
    ranks: npt.NDArray[np.object_],
    names: npt.NDArray[np.object_],
    active: npt.NDArray[np.bool_],
) -> TaxaTable:
    order = np.argsort(ids, kind="stable")
    sorted_ids = ids[order]
    rows = order + 2
    for place in np.flatnonzero(sorted_ids[1:] == sorted_ids[:-1]) + 1:
        problems.add(
            int(rows[place]),
            "taxon_id",
            f"{sorted_ids[place]} stands on row {rows[place - 1]} too.",
        )
    for rank in sorted(set(ranks) - set(LEVEL_OF_RANK)):
        places = np.flatnonzero(ranks == rank)
        problems.add(
            int(places[0]) + 2,
            "rank",
            f"is none of iNaturalist's. Received: {rank!r}, on {len(places):,} rows."
            f"{did_you_mean(rank, LEVEL_OF_RANK)}",
        )
    problems.raise_if_any(REMEDY)
    parents_sorted, active_sorted = parents[order], active[order]
    known = _known_parents(problems, rows, sorted_ids, parents_sorted, active_sorted)
    return TaxaTable(
        taxon_ids=sorted_ids,
        parent_ids=known,
        rank_levels=levels[order],
        ranks=ranks[order].tolist(),
        names=names[order].tolist(),
        active=active_sorted,
    )


def _known_parents(
    problems: Problems,
    rows: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int64],
    parents: npt.NDArray[np.int64],
    active: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64]:
    """Returns the parents, 0 where an inactive taxon's is gone: it is never selected anyway."""
    nodes = np.searchsorted(ids, parents).clip(max=max(0, len(ids) - 1))
    found = (ids[nodes] == parents) if len(ids) else np.zeros(0, bool)
    lost = ~found & (parents != 0) & (parents != LIFE_TAXON_ID)
    for place in np.flatnonzero(lost & active):
        problems.add(
            int(rows[place]),
            "ancestry",
            f"taxon {ids[place]} is below {parents[place]}, which has no row of its own.",
        )
    above = np.where(found, nodes, -1)
    for _ in range(len(ids).bit_length()):
        above = np.where(above >= 0, above[above], -1)
    for place in np.flatnonzero(above >= 0):
        problems.add(int(rows[place]), "ancestry", f"taxon {ids[place]} is below itself or a loop.")
    problems.raise_if_any(REMEDY)
    return np.where(lost & (parents != LIFE_TAXON_ID), 0, parents)
