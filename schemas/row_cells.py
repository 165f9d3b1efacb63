"""Cells of one CSV row as values, or a fault that names the column.

A reader of whole files collects faults, a Beam worker raises the first: both parse with these
functions, catch `RowFault`, and say where it was.

    integer({"photo_id": "123.0"}, "photo_id", least=1)      # 123
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from os import PathLike

from schemas.csv_rows import parse_integer
from schemas.errors import DataError

CELLS_SHOWN_CHARACTERS = 120


class RowFault(Exception):
    """What is wrong with a row, before anybody said which row of which file.

    Args:
        column: the column at fault; None for the whole row.
        problem: the rest of a sentence that starts with the place.
    """

    def __init__(self, column: str | None, problem: str) -> None:
        super().__init__(f"{column}: {problem}" if column else problem)
        self.column, self.problem = column, problem

    def at(self, path: str | PathLike[str], row_number: int, remedy: str) -> DataError:
        """Returns the error for people."""
        return DataError(
            path, row=row_number, column=self.column, problem=self.problem, remedy=remedy
        )


def split_line(header: tuple[str, ...], line: str) -> dict[str, str]:
    """Returns the cells of a line, with or without its end, by column name.

    Raises:
        RowFault: if there are more or fewer cells than columns.
    """
    cells = line.rstrip("\r\n").split(",")
    if len(cells) != len(header):
        raise RowFault(
            None,
            f"has {len(cells)} cells where the header has {len(header)}. "
            f"Received: {line[:CELLS_SHOWN_CHARACTERS]!r}.",
        )
    return dict(zip(header, cells, strict=True))


def integer(cells: Mapping[str, str], column: str, *, least: int) -> int:
    """Returns the integer in a cell, which may be written "12" or "12.0".

    Raises:
        RowFault: if there is none, or it is smaller than `least`.
    """
    cell = cells[column]
    value = parse_integer(cell)
    if value is None or value < least:
        kind = "a positive integer" if least == 1 else f"an integer of at least {least}"
        raise RowFault(column, f"is not {kind}. Received: {cell!r}.")
    return value


def optional_integer(cells: Mapping[str, str], column: str, *, least: int) -> int | None:
    """Returns what `integer` does, or None if the column is absent or the cell empty."""
    return integer(cells, column, least=least) if cells.get(column) else None


def optional_flag(cells: Mapping[str, str], column: str) -> bool | None:
    """Returns whether a cell says 1 rather than 0; None if absent or empty.

    Raises:
        RowFault: if the cell holds anything else.
    """
    cell = cells.get(column)
    if not cell:
        return None
    value = parse_integer(cell)
    if value not in (0, 1):
        raise RowFault(column, f"is neither 0 nor 1 nor empty. Received: {cell!r}.")
    return value == 1


def number(cells: Mapping[str, str], column: str, *, limit: float) -> float:
    """Returns the number in a cell.

    Raises:
        RowFault: if it is not a number in -limit..limit.
    """
    cell = cells[column]
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not -limit <= value <= limit:
        raise RowFault(column, f"is not a number in {-limit:g}..{limit:g}. Received: {cell!r}.")
    return value


def optional_date(cells: Mapping[str, str], column: str) -> str | None:
    """Returns the date in a cell as YYYY-MM-DD; None if the column is absent or the cell empty.

    A time of day after the date, as some tools append, is left out.

    Raises:
        RowFault: if the cell does not start with a date.
    """
    cell = cells.get(column)
    if not cell:
        return None
    day, rest = cell[:10], cell[10:]
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        day = ""
    if len(day) != len("YYYY-MM-DD") or (rest and rest[0] not in "T "):
        raise RowFault(column, f"is not a date such as 2024-05-31. Received: {cell!r}.")
    return day
