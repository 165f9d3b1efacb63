"""Records of a quoted CSV, each with the line that it starts on.

Law: quoting is RFC 4180's, so that a cell may hold commas, quotes and line ends; a record whose
cells do not match the header is noted and left out, never shifted. Records stream.

    for row_number, cells in read_records(Part(Path("observations.csv")), problems):
        ...                                            # cells: dict by column name
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, TextIO, cast

from schemas.csv_rows import Problems
from schemas.errors import DataError

if TYPE_CHECKING:
    from _csv import Reader as _Reader

_CELL_CHARACTERS = 2**24
"""Longest cell read. The csv module's own limit of 128 kB is less than some descriptions have."""


class Part(NamedTuple):
    """One CSV, on its own or in a zip.

    Attributes:
        path: the file.
        member: its name in the zip; None if `path` is the CSV.
        delimiter: between cells.
        quote: around cells; "" for none.
        header: column names where the file itself has no header line; None where it has.
        skipped_lines: lines before the first record, header included, where `header` is given.
    """

    path: Path
    member: str | None = None
    delimiter: str = ","
    quote: str = '"'
    header: tuple[str, ...] | None = None
    skipped_lines: int = 0

    @property
    def place(self) -> str:
        """The part for messages."""
        return f"{self.path}/{self.member}" if self.member else str(self.path)


@contextmanager
def open_text(part: Part) -> Iterator[TextIO]:
    """Opens a part as UTF-8 text, without a byte order mark.

    Raises:
        DataError: if it cannot be read, or the zip is damaged.
    """
    with _open_bytes(part) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as file:
        yield file


def zip_members(path: Path) -> list[str]:
    """Returns the names of the files in a zip, without what macOS adds to each.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise _unreadable(Part(path), str(error)) from error
    return [name for name in names if not name.startswith("__MACOSX/") and name[-1:] != "/"]


def read_header_of(part: Part) -> tuple[str, ...]:
    """Returns the column names of a part, without reading further.

    Raises:
        DataError: if it cannot be read, is empty, or names a column twice.
    """
    with open_text(part) as file:
        return record_header(_reader(file, part), part)


def read_records(part: Part, problems: Problems) -> Iterator[tuple[int, dict[str, str]]]:
    """Yields (line that the record starts on, cells by column name).

    Args:
        part: the CSV.
        problems: records with a wrong number of cells are noted there and left out.

    Raises:
        DataError: if it cannot be read, is not UTF-8, or a quote never closes.
    """
    with open_text(part) as file:
        reader = _reader(file, part)
        header = record_header(reader, part)
        line = reader.line_num + 1
        for cells in _records(reader, part):
            if len(cells) == len(header):
                yield line, dict(zip(header, cells, strict=True))
            elif cells:
                problems.add(
                    line, None, f"has {len(cells)} cells where the header has {len(header)}."
                )
            line = reader.line_num + 1


def record_header(reader: _Reader, part: Part) -> tuple[str, ...]:
    """Returns the column names, having read past the header."""
    if part.header is not None:
        for _ in range(part.skipped_lines):
            next(reader, None)
        return part.header
    header = tuple(cell.strip() for cell in next(_records(reader, part), []))
    if not header:
        raise DataError(
            part.place, problem="is empty.", remedy="Expected a header line; download it again."
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(
            part.place,
            row=1,
            problem=f"names {', '.join(twice)} more than once.",
            remedy="Keep one column of each name.",
        )
    return header


def _reader(file: TextIO, part: Part) -> _Reader:
    csv.field_size_limit(_CELL_CHARACTERS)
    if not part.quote:
        return csv.reader(file, delimiter=part.delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(file, delimiter=part.delimiter, quotechar=part.quote, strict=True)


def _records(reader: _Reader, part: Part) -> Iterator[list[str]]:
    while True:
        line = reader.line_num + 1
        try:
            yield next(reader)
        except StopIteration:
            return
        except UnicodeDecodeError as error:
            # The text was decoded some kilobytes ahead of the record.
            row, byte = _first_undecodable(part)
            raise DataError(
                part.place,
                row=row,
                problem=f"is not UTF-8 (byte 0x{byte:02x}).",
                remedy="Convert the file, for example with: iconv -f latin1 -t utf-8.",
            ) from error
        except csv.Error as error:
            raise DataError(
                part.place,
                row=line,
                problem=f"cannot be parted into cells: {error}.",
                remedy="Is the file whole? A quote that never closes, or one within a quoted cell "
                "that is not doubled, has this effect.",
            ) from error


@contextmanager
def _open_bytes(part: Part) -> Iterator[IO[bytes]]:
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(_opened(part, stack))
        except (KeyError, RuntimeError) as error:  # no such member; a password is needed
            raise _unreadable(part, str(error.args[0])) from error
        except (OSError, zipfile.BadZipFile) as error:
            raise _unreadable(part, getattr(error, "strerror", None) or str(error)) from error
        try:
            yield raw
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise _unreadable(part, getattr(error, "strerror", None) or str(error)) from error


def _opened(part: Part, stack: ExitStack) -> IO[bytes]:
    if part.member is not None:
        return stack.enter_context(zipfile.ZipFile(part.path)).open(part.member)
    if part.path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(part.path))
    return part.path.open("rb")


def _first_undecodable(part: Part) -> tuple[int, int]:
    """Returns the first line that is not UTF-8, and the byte at fault."""
    with _open_bytes(part) as raw:
        for row, line in enumerate(raw, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return row, error.object[error.start]
    raise AssertionError(f"{part.place} was not UTF-8 a moment ago")


def _unreadable(part: Part, reason: str) -> DataError:
    return DataError(
        part.place,
        problem=f"cannot be read: {reason.rstrip('.')}.",
        remedy="Check the path and its permissions, or download the file again.",
    )
