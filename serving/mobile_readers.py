"""The files of `serving.mobile_files` read as the apps read them, faults refused, not crashed on.

Where an app would crash, show nothing or show another taxon, a `DataError` says so instead. The
apps look a parent up by the text of its id, split a line wherever there is one, and ask a record
for each of its keys; so "01", an empty line, a byte order mark and a key left out are faults here,
however well other readers take them.

    nodes = read_android_taxonomy("bundle/taxonomy.csv")
    assert nodes == read_ios_taxonomy("bundle/taxonomy.json")
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from schemas.csv_rows import Problems, read_header, read_rows, require_columns
from schemas.errors import DataError
from serving.mobile_files import COLUMNS

_LIFE = 48460
_REMEDY = "Export the mobile bundle again."

_REQUIRED = tuple(name for name in COLUMNS if name != "geo_threshold")
_LEAST_ID = {"taxon_id": 1, "parent_taxon_id": 1, "leaf_class_id": 0}
_LARGEST_ID = 2**31 - 1
"""Java's int."""

_DIGITS = re.compile("0|[1-9][0-9]*")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")


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
    require_columns(path, header, _REQUIRED)
    problems = Problems(path)
    _check_lines(Path(path).read_bytes(), problems)
    rows = [(number, _from_cells(cells)) for number, cells in read_rows(path, problems)]
    return _check(rows, problems)


def read_ios_taxonomy(path: str | PathLike[str]) -> list[MobileTaxon]:
    """Reads `taxonomy.json` as the iOS app does.

    Raises:
        DataError: naming every record (by its number, from 1) on which the app would fail.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        records = json.loads(text, parse_constant=_no_number)
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
        DataError: if it cannot be read, is not UTF-8 or has an empty line.
    """
    try:
        names = Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except OSError as error:
        raise DataError(
            path, problem=f"cannot be read: {error.strerror}.", remedy=_REMEDY
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(path, problem="is not UTF-8.", remedy=_REMEDY) from error
    if "" in names:
        raise DataError(path, row=names.index("") + 1, problem="is empty.", remedy=_REMEDY)
    return names


def _check_lines(content: bytes, problems: Problems) -> None:
    """Notes what is in no row and yet crashes the Android app."""
    if content.startswith(codecs.BOM_UTF8):
        problems.add(
            1, None, "begins with a byte order mark, so the first column has another name."
        )
    if b"\r" in content.replace(b"\r\n", b""):
        problems.add(None, None, "has a carriage return alone, at which the app ends a line.")
    header, *lines = content.removesuffix(b"\n").split(b"\n")
    if any(name != name.strip() for name in header.removesuffix(b"\r").split(b",")):
        problems.add(1, None, f"has blanks around a name. Received: {header.decode()!r}.")
    for number, line in enumerate(lines, start=2):
        if line in (b"", b"\r"):
            problems.add(number, None, "is empty: the app crashes.")


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _from_cells(cells: Mapping[str, str]) -> dict[str, Any]:
    """Cells as JSON would have them; what is no plain number stays text and is refused later."""
    record: dict[str, Any] = {"name": cells["name"]}
    for column in _LEAST_ID:
        cell = cells[column]
        record[column] = int(cell) if _DIGITS.fullmatch(cell) else cell or None
    for column in ("rank_level", "geo_threshold"):
        cell = cells.get(column, "")
        record[column] = float(cell) if _NUMBER.fullmatch(cell) else cell or None
    return record


def _check(rows: Sequence[tuple[int, Mapping[str, Any]]], problems: Problems) -> list[MobileTaxon]:
    for number, record in rows:
        _check_types(number, record, problems)
    problems.raise_if_any(_REMEDY)
    taxa = [_taxon(record) for _, record in rows]
    _check_ids([number for number, _ in rows], taxa, problems)
    problems.raise_if_any(_REMEDY)
    return taxa


def _check_ids(numbers: Sequence[int], taxa: Sequence[MobileTaxon], problems: Problems) -> None:
    parents = {taxon.parent_taxon_id for taxon in taxa}
    first: dict[int, int] = {}
    for number, taxon in zip(numbers, taxa, strict=True):
        if (known := first.setdefault(taxon.taxon_id, number)) != number:
            problems.add(
                number, "taxon_id", f"{taxon.taxon_id} stands on row {known}: the app keeps one."
            )
    for number, taxon in zip(numbers, taxa, strict=True):
        if taxon.parent_taxon_id is not None and taxon.parent_taxon_id not in first:
            problems.add(
                number, "parent_taxon_id", f"{taxon.parent_taxon_id} has no row: the app crashes."
            )
        if (taxon.leaf_class_id is None) != (taxon.taxon_id in parents):
            problems.add(
                number, "leaf_class_id", "must stand on every childless taxon and on no other."
            )
        if taxon.taxon_id == _LIFE:
            problems.add(number, "taxon_id", "is Life, which the app adds itself.")
    classes = sorted(taxon.leaf_class_id for taxon in taxa if taxon.leaf_class_id is not None)
    if classes != list(range(len(classes))):
        problems.add(None, "leaf_class_id", f"must run from 0 to {len(classes) - 1} without a gap.")


def _check_types(number: int, record: Mapping[str, Any], problems: Problems) -> None:
    for column in _REQUIRED:
        if column not in record:
            problems.add(number, column, "is missing: the app crashes.")
    for column, least in _LEAST_ID.items():
        value = record.get(column)
        if value is None and column != "taxon_id":
            continue
        if type(value) is not int:
            problems.add(
                number, column, f"is not a whole number in plain digits. Received: {value!r}."
            )
        elif not least <= value <= _LARGEST_ID:
            problems.add(number, column, f"is not {least}..{_LARGEST_ID}. Received: {value}.")
    level = record.get("rank_level")
    if not (isinstance(level, int | float) and type(level) is not bool and math.isfinite(level)):
        problems.add(number, "rank_level", f"is not a number. Received: {level!r}.")
    threshold = record.get("geo_threshold")
    if threshold is not None and not (type(threshold) in (int, float) and 0 <= threshold <= 1):
        problems.add(number, "geo_threshold", f"is not 0..1. Received: {threshold!r}.")
    if not isinstance(record.get("name"), str) or not record["name"]:
        problems.add(number, "name", "is empty.")


def _taxon(record: Mapping[str, Any]) -> MobileTaxon:
    return MobileTaxon(
        taxon_id=record["taxon_id"],
        parent_taxon_id=record["parent_taxon_id"],
        rank_level=float(record["rank_level"]),
        leaf_class_id=record["leaf_class_id"],
        name=record["name"],
        geo_threshold=record.get("geo_threshold"),
    )
