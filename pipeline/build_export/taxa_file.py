"""A table of taxa given beside observations: Open Data's, or a CSV of `id,parent_id,name,rank`.

taxa = read_taxa_file(connection, Path("taxa.csv.gz"))
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from duckdb import DuckDBPyConnection

from pipeline.build_export.csv_records import Part, read_header_of, read_records
from pipeline.build_export.table_source import TaxaTable
from pipeline.build_export.taxa_csv import read_taxa
from schemas.csv_rows import Problems, require_columns
from schemas.errors import did_you_mean
from schemas.ranks import LEVEL_OF_RANK
from schemas.row_cells import RowFault, integer, optional_integer
from schemas.taxonomy_csv import LIFE_TAXON_ID

COLUMNS = ("id", "parent_id", "name", "rank")
"""Columns of the comma CSV."""

REMEDY = "Correct the rows, or take Open Data's taxa.csv.gz."


def read_taxa_file(connection: DuckDBPyConnection, path: Path) -> TaxaTable:
    """Returns the taxa of a table, told apart by its header.

    Raises:
        DataError: if it is neither kind, or with all its faults.
    """
    header = read_header_of(Part(path))
    if len(header) == 1 and "\t" in header[0] and "ancestry" in header[0]:
        return read_taxa(connection, path)
    require_columns(path, header, COLUMNS)
    problems = Problems(path)
    rows: dict[int, tuple[int, int, str, str]] = {}
    for number, cells in read_records(Part(path), problems):
        try:
            taxon_id = integer(cells, "id", least=1)
            parent_id = optional_integer(cells, "parent_id", least=1) or 0
            rank = _rank(cells)
        except RowFault as fault:
            problems.add(number, fault.column, fault.problem)
            continue
        if taxon_id in rows:
            problems.add(number, "id", f"{taxon_id} stands on row {rows[taxon_id][0]} already.")
        rows[taxon_id] = (number, parent_id, cells["name"], rank)
    _check_parents(rows, problems)
    problems.raise_if_any(REMEDY)
    ids = sorted(rows)
    return TaxaTable(
        taxon_ids=np.array(ids, np.int64),
        parent_ids=np.array([rows[taxon_id][1] for taxon_id in ids], np.int64),
        rank_levels=np.array([LEVEL_OF_RANK[rows[i][3]] for i in ids], np.float32),
        ranks=[rows[taxon_id][3] for taxon_id in ids],
        names=[rows[taxon_id][2] for taxon_id in ids],
        active=np.ones(len(ids), bool),
    )


def _rank(cells: dict[str, str]) -> str:
    rank = cells["rank"]
    if rank not in LEVEL_OF_RANK:
        hint = did_you_mean(rank, LEVEL_OF_RANK)
        raise RowFault("rank", f"is none of iNaturalist's. Received: {rank!r}.{hint}")
    return rank


def _check_parents(rows: dict[int, tuple[int, int, str, str]], problems: Problems) -> None:
    """Notes parents without a row, and taxa from which the way up does not end."""
    ends: dict[int, bool] = {0: True, LIFE_TAXON_ID: True}
    for taxon_id, (number, parent_id, _, _) in rows.items():
        if parent_id not in rows and parent_id not in ends:
            problems.add(number, "parent_id", f"{parent_id} has no row of its own.")
            ends[parent_id] = True
        way: set[int] = set()
        above = taxon_id
        while above not in ends and above not in way:
            way.add(above)
            above = rows[above][1] if above in rows else 0
        if above in way:
            problems.add(number, "parent_id", f"taxon {taxon_id} is below itself or a loop.")
        ends.update(dict.fromkeys(way, True))
