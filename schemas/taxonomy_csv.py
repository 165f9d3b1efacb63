"""`taxonomy.csv` of a vision export, read into a checked `Taxonomy`, and written.

Three generations of header are read: 5 columns (2018-2021), 7 (until 2025-02) and 9. What a
taxonomy must keep, or the phone apps crash and labels shift: taxon ids unique, every parent a
row, no cycle, leaf class ids 0..N-1 without a gap, every childless node a leaf, no leaf with
children. Faults are collected and reported together.

    taxonomy = read_taxonomy("vision-export/taxonomy.csv")
    write_taxonomy(taxonomy, "artifact/taxonomy.csv")
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from schemas.csv_rows import Problems, parse_integer, read_header, read_rows, require_columns
from schemas.ranks import ICONIC_TAXON_NAMES
from schemas.taxonomy import NO_LEAF, Taxonomy

REQUIRED_COLUMNS = ("parent_taxon_id", "taxon_id", "rank_level", "leaf_class_id", "name")
"""The columns that all generations have."""

LIFE_TAXON_ID = 48460
"""The root of iNaturalist's tree. It is never a row of `taxonomy.csv`, and may be a parent."""

WRITTEN_COLUMNS = (
    "parent_taxon_id,taxon_id,rank_level,leaf_class_id,iconic_class_id,spatial_class_id,"
    "name,iconic_taxon_id,rank"
)
"""Header of the files we write: the exporter's since 2025-02."""

_REMEDY = "Correct the taxonomy, or export it again."


@dataclass
class _Rows:
    """Columns of the file as lists, in file order."""

    row_numbers: list[int] = field(default_factory=list)
    taxon_ids: list[int] = field(default_factory=list)
    parent_ids: list[int] = field(default_factory=list)
    rank_levels: list[float] = field(default_factory=list)
    leaf_class_ids: list[int] = field(default_factory=list)
    iconic_taxon_ids: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def read_taxonomy(path: str | PathLike[str]) -> Taxonomy:
    """Reads and checks a `taxonomy.csv` of any generation.

    Raises:
        DataError: naming the file and every faulty row (the first 20, the rest counted).
    """
    header = read_header(path)
    require_columns(path, header, REQUIRED_COLUMNS)
    problems = Problems(path)
    rows = _parse(path, problems)
    problems.raise_if_any(_REMEDY)
    parents = _parent_nodes(rows, problems)
    problems.raise_if_any(_REMEDY)
    _check_tree(rows, parents, problems)
    _check_leaves(rows, parents, problems)
    problems.raise_if_any(_REMEDY)
    return Taxonomy(
        taxon_ids=np.array(rows.taxon_ids, np.int64),
        parent_nodes=parents,
        rank_levels=np.array(rows.rank_levels, np.float32),
        leaf_class_ids=np.array(rows.leaf_class_ids, np.int32),
        iconic_taxon_ids=_iconic_taxon_ids(rows, parents),
        names=tuple(rows.names),
    )


def write_taxonomy(taxonomy: Taxonomy, path: str | PathLike[str]) -> None:
    """Writes a taxonomy in the exporter's newest form, integers without ".0"."""
    lines = [WRITTEN_COLUMNS]
    for node, name in enumerate(taxonomy.names):
        parent = int(taxonomy.parent_nodes[node])
        leaf = int(taxonomy.leaf_class_ids[node])
        iconic = int(taxonomy.iconic_taxon_ids[node])
        lines.append(
            ",".join(
                (
                    str(taxonomy.taxon_ids[parent]) if parent >= 0 else "",
                    str(taxonomy.taxon_ids[node]),
                    f"{taxonomy.rank_levels[node]:g}",
                    str(leaf) if leaf != NO_LEAF else "",
                    "",
                    "",
                    name,
                    str(iconic) if iconic else "",
                    taxonomy.rank_name(node),
                )
            )
        )
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _parse(path: str | PathLike[str], problems: Problems) -> _Rows:
    rows = _Rows()
    for number, cells in read_rows(path, problems):
        taxon_id = parse_integer(cells["taxon_id"])
        if taxon_id is None or taxon_id <= 0:
            problems.add(
                number, "taxon_id", f"is not a positive integer. Received: {cells['taxon_id']!r}."
            )
            continue
        rows.row_numbers.append(number)
        rows.taxon_ids.append(taxon_id)
        rows.parent_ids.append(_optional(cells, "parent_taxon_id", 0, number, problems))
        rows.rank_levels.append(_rank_level(cells["rank_level"], number, problems))
        rows.leaf_class_ids.append(_optional(cells, "leaf_class_id", NO_LEAF, number, problems))
        rows.iconic_taxon_ids.append(_optional(cells, "iconic_taxon_id", 0, number, problems))
        rows.names.append(cells["name"])
        if not cells["name"].strip():
            problems.add(number, "name", "is empty.")
    return rows


def _optional(
    cells: Mapping[str, str], column: str, empty: int, number: int, problems: Problems
) -> int:
    cell = cells.get(column, "")
    if cell == "":
        return empty
    value = parse_integer(cell)
    if value is None or value < 0:
        problems.add(
            number, column, f"is neither empty nor a non-negative integer. Received: {cell!r}."
        )
        return empty
    return value


def _rank_level(cell: str, number: int, problems: Problems) -> float:
    try:
        level = float(cell)
    except ValueError:
        level = float("nan")
    if not 0 < level <= 100:
        problems.add(
            number,
            "rank_level",
            f"is not a number in 0..100 such as 10 or 33.5. Received: {cell!r}.",
        )
    return level


def _parent_nodes(rows: _Rows, problems: Problems) -> npt.NDArray[np.int32]:
    node_of: dict[int, int] = {}
    for node, taxon_id in enumerate(rows.taxon_ids):
        first = node_of.setdefault(taxon_id, node)
        if first != node:
            problems.add(
                rows.row_numbers[node],
                "taxon_id",
                f"{taxon_id} stands on row {rows.row_numbers[first]} already.",
            )
    parents = np.full(len(rows.taxon_ids), -1, np.int32)
    for node, parent_id in enumerate(rows.parent_ids):
        if parent_id in node_of:
            parents[node] = node_of[parent_id]
        elif parent_id not in (0, LIFE_TAXON_ID):
            problems.add(
                rows.row_numbers[node],
                "parent_taxon_id",
                f"{parent_id} has no row of its own, so the phone apps could not find it.",
            )
    return parents


def _check_tree(rows: _Rows, parents: npt.NDArray[np.int32], problems: Problems) -> None:
    """Notes every node from which the walk upwards never ends.

    Doubles the stride of the walk each round, so a loop shows after log2(T) rounds.
    """
    above = parents.copy()
    for _ in range(len(parents).bit_length()):
        above = np.where(above >= 0, above[above], -1).astype(np.int32)
    for node in np.flatnonzero(above >= 0):
        problems.add(
            rows.row_numbers[node],
            "parent_taxon_id",
            f"taxon {rows.taxon_ids[node]} is below itself or below a loop.",
        )


def _check_leaves(rows: _Rows, parents: npt.NDArray[np.int32], problems: Problems) -> None:
    has_children = np.zeros(len(parents), bool)
    has_children[parents[parents >= 0]] = True
    counts: Counter[int] = Counter()
    for node, leaf in enumerate(rows.leaf_class_ids):
        number, taxon = rows.row_numbers[node], rows.taxon_ids[node]
        if leaf == NO_LEAF:
            if not has_children[node]:
                problems.add(
                    number,
                    "leaf_class_id",
                    f"taxon {taxon} ({rows.names[node]}) has no children and no leaf_class_id; "
                    "the phone apps crash on it.",
                )
            continue
        if has_children[node]:
            problems.add(
                number,
                "leaf_class_id",
                f"taxon {taxon} ({rows.names[node]}) has children below it.",
            )
        counts[leaf] += 1
        if counts[leaf] == 2:
            problems.add(number, "leaf_class_id", f"{leaf} stands on another row already.")
    if not counts:
        problems.add(None, "leaf_class_id", "no row has one, so there is nothing to train.")
    gaps = sorted(set(range(len(counts))) - set(counts))
    if gaps:
        problems.add(
            None,
            "leaf_class_id",
            f"must run from 0 to {len(counts) - 1} without a gap; "
            f"{len(gaps):,} missing, the first is {gaps[0]}.",
        )


def _iconic_taxon_ids(rows: _Rows, parents: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """The file's own where it has them, else the nearest of iNaturalist's above the node."""
    given = np.array(rows.iconic_taxon_ids, np.int64)
    if given.any():
        return given
    ids = np.array(rows.taxon_ids, np.int64)
    iconic = np.isin(ids, list(ICONIC_TAXON_NAMES))
    found = np.where(iconic, ids, 0)
    above = parents.copy()
    while (open_ := (found == 0) & (above >= 0)).any():
        found[open_] = np.where(iconic[above[open_]], ids[above[open_]], 0)
        above = np.where(above >= 0, parents[above], -1).astype(np.int32)
    return found
