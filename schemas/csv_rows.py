"""iNaturalist's unquoted CSV, read strictly.

The exporter writes comma CSV without any quoting: a comma always parts two cells, a quote is a
character like others, an empty cell is null. `read_rows` keeps to that, streams, and numbers rows
as an editor does (header = row 1), so that every complaint can be found in the file.

All faults of a file are collected in `Problems`; the first 20 are shown and the rest counted,
because a file with one bad cell often has ten thousand.

A file may also be read in pieces: `cut` finds byte ranges of whole lines without parsing any, and
`read_rows_between` reads one. Piece after piece gives what `read_rows` gives, row numbers included:

    for start, end, first_row, _ in cut("train_data.csv", 100_000):
        read_rows_between("train_data.csv", header, start, end, first_row, problems)
"""

from __future__ import annotations

import copyreg
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from schemas.errors import ConfigError, DataError

PROBLEMS_SHOWN = 20

_INTEGER = re.compile(r"-?\d+(\.0*)?")
"""An id, also as pandas writes it when a column has gaps: 123.0."""

_CHUNK_BYTES = 1 << 20


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

    def take(self, other: Problems) -> None:
        """Notes what another collection noted, after what is here."""
        self._lines += other._lines[: max(0, PROBLEMS_SHOWN - self._count)]
        self._count += other._count

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
    yield from _split(header, itertools.islice(_lines(path), 1, None), problems)


class LineRange(NamedTuple):
    """A run of whole lines.

    Attributes:
        start_byte: where the first line begins.
        end_byte: where the line after the last one begins.
        first_row: number of the first line, the header being 1.
        num_rows: lines in the range, empty ones included.
    """

    start_byte: int
    end_byte: int
    first_row: int
    num_rows: int


def cut(path: str | PathLike[str], rows_per_range: int) -> list[LineRange]:
    """Returns the lines after the header as ranges of `rows_per_range` lines, the last shorter.

    Counts line ends and parses nothing, so it is about as fast as the disk.

    Raises:
        ConfigError: if `rows_per_range` is not positive.
        DataError: if the file cannot be read.
    """
    if rows_per_range < 1:
        raise ConfigError(f"rows_per_range must be at least 1. Received: {rows_per_range}.")
    try:
        starts, lines, size = _starts(path, rows_per_range)
    except OSError as error:
        raise _unreadable(path, error) from error
    ranges: list[LineRange] = []
    for start, end in itertools.pairwise([*(start for start in starts if start < size), size]):
        first_row = 2 + len(ranges) * rows_per_range
        num_rows = min(rows_per_range, lines - first_row + 1)
        ranges.append(LineRange(start, end, first_row, num_rows))
    return ranges


def read_rows_between(
    path: str | PathLike[str],
    header: tuple[str, ...],
    start_byte: int,
    end_byte: int,
    first_row: int,
    problems: Problems,
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yields what `read_rows` does for the lines of one range of `cut`.

    Raises:
        DataError: if the file cannot be read, is not UTF-8, or ends before the range does.
    """
    yield from _split(header, _lines(path, start_byte, end_byte, first_row), problems)


def _starts(path: str | PathLike[str], every: int) -> tuple[list[int], int, int]:
    """Returns the start of lines 2, 2 + every, ..., then the numbers of lines and bytes."""
    # Only here: whoever just reads rows needs no numpy.
    import numpy as np

    starts: list[int] = []
    ends, size, ends_line = 0, 0, True
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            count = chunk.count(b"\n")
            # Line 2 + k * every starts after line end number k * every (from 0).
            wanted = range(len(starts) * every - ends, count, every)
            if wanted:
                places = np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n"))
                starts += (size + 1 + places[wanted.start :: every]).tolist()
            ends, size, ends_line = ends + count, size + len(chunk), chunk.endswith(b"\n")
    return starts, ends + (not ends_line), size


def _split(
    header: tuple[str, ...], lines: Iterator[tuple[int, str]], problems: Problems
) -> Iterator[tuple[int, Mapping[str, str]]]:
    for number, line in lines:
        if not line:
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


def _lines(
    path: str | PathLike[str], start_byte: int = 0, end_byte: int | None = None, first_row: int = 1
) -> Iterator[tuple[int, str]]:
    """Yields (row number, line without its end), decoding one line at a time."""
    number, place = first_row, start_byte
    try:
        with Path(path).open("rb") as file:
            file.seek(start_byte)
            for number, raw in enumerate(file, start=first_row):
                encoding = "utf-8-sig" if number == 1 else "utf-8"
                yield number, raw.rstrip(b"\r\n").decode(encoding)
                place += len(raw)
                if end_byte is not None and place >= end_byte:
                    break
    except OSError as error:
        raise _unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise DataError(
            path,
            row=number,
            problem=f"is not UTF-8 (byte 0x{error.object[error.start]:02x}).",
            remedy="Convert the file, for example with: iconv -f latin1 -t utf-8.",
        ) from error
    if end_byte is not None and place != end_byte:
        raise DataError(
            path,
            row=number,
            problem=f"does not end at byte {end_byte:,} any more, as when the file was cut into "
            "ranges.",
            remedy="Leave the files of an export alone while it is read, and start again.",
        )


def _unreadable(path: str | PathLike[str], error: OSError) -> DataError:
    return DataError(
        path,
        problem=f"cannot be read: {error.strerror}.",
        remedy="Check the path and its permissions.",
    )


def _rebuilt(args: tuple[Any, ...], attributes: dict[str, Any]) -> DataError:
    error = DataError.__new__(DataError, *args)
    error.__dict__.update(attributes)
    return error


def _reduced(error: DataError) -> tuple[Callable[..., DataError], tuple[Any, ...]]:
    return _rebuilt, (error.args, error.__dict__)


# An exception is pickled as a call with its message alone, which `DataError` does not take; a
# worker that reads a range has to hand its faults to another process.
copyreg.pickle(DataError, _reduced)
