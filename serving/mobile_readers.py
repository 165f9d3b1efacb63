"""The files of `serving.mobile_files` read as the apps read them, faults refused, not crashed on.

Where an app would crash, show nothing or show another taxon, a `DataError` says so instead:

    nodes = read_android_taxonomy("bundle/taxonomy.csv")
    assert nodes == read_ios_taxonomy("bundle/taxonomy.json")
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from schemas.csv_rows import Problems, read_header, read_rows, require_columns
from schemas.errors import DataError
from serving.mobile_files import COLUMNS

_LIFE = "48460"
_REMEDY = "Export the mobile bundle again."


@dataclass(frozen=True)
class MobileTaxon:
    """A taxon as an app holds it.

    Attributes:
        taxon_id: iNaturalist's id.
        parent_taxon_id: the parent's id; None below Life.
        rank_level: 10 = species ... 70 = kingdom.
        leaf_class_id: class of the model; None for a node with children.
        name: scientific name.
        geo_threshold: geo score from which a leaf is expected nearby, 0..1; None without one.
    """

    taxon_id: int
    parent_taxon_id: int | None
    rank_level: float
    leaf_class_id: int | None
    name: str
    geo_threshold: float | None = None


def read_android_taxonomy(path: str | PathLike[str]) -> list[MobileTaxon]:
    """Reads `taxonomy.csv` as the Android app does.

    Raises:
        DataError: naming every row on which the app would fail.
    """
    header = read_header(path)
    require_columns(path, header, tuple(name for name in COLUMNS if name != "geo_threshold"))
    problems = Problems(path)
    rows = [(number, _from_cells(cells)) for number, cells in read_rows(path, problems)]
    return _check(rows, problems)


def read_ios_taxonomy(path: str | PathLike[str]) -> list[MobileTaxon]:
    """Reads `taxonomy.json` as the iOS app does.

    Raises:
        DataError: naming every record (by its number, from 1) on which the app would fail.
    """
    try:
        records = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            path, problem=f"cannot be read as JSON: {error}.", remedy=_REMEDY
        ) from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise DataError(path, problem="is not an array of objects.", remedy=_REMEDY)
    return _check(list(enumerate(records, start=1)), Problems(path))


def read_labels(path: str | PathLike[str]) -> list[str]:
    """Returns the names of `labels.txt` in class order.

    Raises:
        DataError: if it cannot be read or has an empty line.
    """
    try:
        names = Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except OSError as error:
        raise DataError(
            path, problem=f"cannot be read: {error.strerror}.", remedy=_REMEDY
        ) from error
    if "" in names:
        raise DataError(path, row=names.index("") + 1, problem="is empty.", remedy=_REMEDY)
    return names


def _from_cells(cells: Mapping[str, str]) -> dict[str, Any]:
    """Cells as JSON would have them; what is no plain number stays text and is refused later."""
    record: dict[str, Any] = {"name": cells["name"]}
    for column in ("parent_taxon_id", "taxon_id", "leaf_class_id"):
        cell = cells[column]
        record[column] = int(cell) if cell.isdecimal() else cell or None
    for column in ("rank_level", "geo_threshold"):
        cell = cells.get(column, "")
        try:
            record[column] = float(cell) if cell else None
        except ValueError:
            record[column] = cell
    return record


def _check(rows: Sequence[tuple[int, Mapping[str, Any]]], problems: Problems) -> list[MobileTaxon]:
    _check_types(rows, problems)
    problems.raise_if_any(_REMEDY)
    taxa = [_taxon(record) for _, record in rows]
    known = {taxon.taxon_id for taxon in taxa}
    parents = {taxon.parent_taxon_id for taxon in taxa}
    for (number, _), taxon in zip(rows, taxa, strict=True):
        if taxon.parent_taxon_id is not None and taxon.parent_taxon_id not in known:
            problems.add(
                number, "parent_taxon_id", f"{taxon.parent_taxon_id} has no row: the app crashes."
            )
        if (taxon.leaf_class_id is None) != (taxon.taxon_id in parents):
            problems.add(
                number, "leaf_class_id", "must stand on every childless taxon and on no other."
            )
        if str(taxon.taxon_id) == _LIFE:
            problems.add(number, "taxon_id", "is Life, which the app adds itself.")
    classes = sorted(taxon.leaf_class_id for taxon in taxa if taxon.leaf_class_id is not None)
    if classes != list(range(len(classes))):
        problems.add(None, "leaf_class_id", f"must run from 0 to {len(classes) - 1} without a gap.")
    problems.raise_if_any(_REMEDY)
    return taxa


def _check_types(rows: Sequence[tuple[int, Mapping[str, Any]]], problems: Problems) -> None:
    for number, record in rows:
        for column in ("taxon_id", "parent_taxon_id", "leaf_class_id"):
            value = record.get(column)
            if type(value) is not int and not (value is None and column != "taxon_id"):
                problems.add(
                    number, column, f"is not a whole number without fraction. Received: {value!r}."
                )
        if type(record.get("rank_level")) not in (int, float):
            problems.add(
                number, "rank_level", f"is not a number. Received: {record.get('rank_level')!r}."
            )
        threshold = record.get("geo_threshold")
        if threshold is not None and not (type(threshold) in (int, float) and 0 <= threshold <= 1):
            problems.add(number, "geo_threshold", f"is not 0..1. Received: {threshold!r}.")
        if not isinstance(record.get("name"), str) or not record["name"]:
            problems.add(number, "name", "is empty.")


def _taxon(record: Mapping[str, Any]) -> MobileTaxon:
    return MobileTaxon(
        taxon_id=record["taxon_id"],
        parent_taxon_id=record.get("parent_taxon_id"),
        rank_level=float(record["rank_level"]),
        leaf_class_id=record.get("leaf_class_id"),
        name=record["name"],
        geo_threshold=record.get("geo_threshold"),
    )
