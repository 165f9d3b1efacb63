"""iNaturalist's unquoted CSV, read strictly.

The exporter writes comma CSV without any quoting: a comma always parts two cells, a quote is a
character like others, an empty cell is null. `read_rows` keeps to that, streams, and numbers rows
as an editor does (header = row 1), so that every complaint can be found in the file.

All faults of a file are collected in `Problems`; the first 20 are shown and the rest counted,
because a file with one bad cell often has ten thousand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path

from schemas.errors import DataError

PROBLEMS_SHOWN = 20

_INTEGER = re.compile(r"-?\d+(\.0*)?")
"""An id, also as pandas writes it when a column has gaps: 123.0."""


class Problems:
    """Faults found in one file, raised together."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = str(path)
        self._lines: list[str] = []
        self._count = 0

    def add(self, row: int | None, column: str | None, problem: str) -> None:
        """Notes a fault; `problem` continues a sentence that starts with the place."""
        self._count += 1
        if self._count <= PROBLEMS_SHOWN:
            place = "file" if row is None else f"row {row}"
            self._lines.append(f"{place}{f', column {column}' if column else ''}: {problem}")

    def raise_if_any(self, remedy: str) -> None:
        """Raises:
        DataError: with every fault noted so far, if there is one.
        """
        if not self._count:
            return
        lines = "\n  ".join(self._lines)
        more = self._count - len(self._lines)
        rest = f"\n  ... and {more:,} more." if more else ""
        noun = "1 fault" if self._count == 1 else f"{self._count:,} faults"
        raise DataError(self.path, problem=f"{noun}:\n  {lines}{rest}\n", remedy=remedy)


def parse_integer(cell: str) -> int | None:
    """Returns the integer in a cell ("12" or "12.0"), or None if there is no integer in it."""
    match = _INTEGER.fullmatch(cell)
    return int(match[0].split(".")[0]) if match else None


def read_header(path: str | PathLike[str]) -> tuple[str, ...]:
    """Returns the column names of a CSV, with a byte order mark and line end taken off.

    Raises:
        DataError: if the file cannot be read, is empty, is not UTF-8, or names a column twice.
    """
    _, header = next(_lines(path), (1, ""))
    if not header:
        raise DataError(
            path, problem="is empty.", remedy="Expected a header line; export it again."
        )
    names = tuple(name.strip() for name in header.split(","))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            path,
            row=1,
            problem=f"names {', '.join(twice)} more than once. Received: {header}.",
            remedy="Keep one column of each name.",
        )
    return names


def require_columns(
    path: str | PathLike[str], header: tuple[str, ...], required: tuple[str, ...]
) -> None:
    """Raises:
    DataError: if a required column is not in the header; it names both lists.
    """
    missing = [name for name in required if name not in header]
    if missing:
        raise DataError(
            path,
            row=1,
            problem=f"lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}. "
            f"Received: {','.join(header)}.",
            remedy="Is this the right file? docs/exports.md lists the columns of each format.",
        )


def read_rows(
    path: str | PathLike[str], problems: Problems
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yields (row number, cells by column name) for each line after the header.

    Args:
        path: an unquoted comma CSV in UTF-8, LF or CRLF, with or without a byte order mark.
        problems: rows with a wrong number of cells are noted there and left out.

    Raises:
        DataError: if the file cannot be read or is not UTF-8.
    """
    header = read_header(path)
    for number, line in _lines(path):
        if number == 1 or not line:
            continue
        cells = line.split(",")
        if len(cells) == len(header):
            yield number, dict(zip(header, cells, strict=True))
        else:
            problems.add(
                number,
                None,
                f"has {len(cells)} cells where the header has {len(header)}. "
                f"Received: {line[:120]!r}.",
            )


def _lines(path: str | PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yields (row number, line without its end), decoding one line at a time."""
    try:
        with Path(path).open("rb") as file:
            for number, raw in enumerate(file, start=1):
                encoding = "utf-8-sig" if number == 1 else "utf-8"
                yield number, raw.rstrip(b"\r\n").decode(encoding)
    except OSError as error:
        raise DataError(
            path,
            problem=f"cannot be read: {error.strerror}.",
            remedy="Check the path and its permissions.",
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            path,
            row=number,
            problem=f"is not UTF-8 (byte 0x{error.object[error.start]:02x}).",
            remedy="Convert the file, for example with: iconv -f latin1 -t utf-8.",
        ) from error
