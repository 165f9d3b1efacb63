"""Tab separated tables without quoting, as DuckDB is to read them.

Law: a tab always parts two cells and a quote is a character like others; a row with a wrong number
of cells or a cell of the wrong type is noted by DuckDB (`store_rejects`), never guessed at.

    header = require_tabs(path, ("taxon_id", "name"))
    connection.execute(f"SELECT * FROM {read_tabs(path, header, {'taxon_id': 'BIGINT'})}")
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path

from schemas.csv_rows import require_columns
from schemas.errors import DataError

_HEADER_BYTES = 2**16


def require_tabs(path: Path, required: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the column names of a table, plain or gzipped.

    Raises:
        DataError: if it cannot be read, is empty, or lacks one of the columns.
    """
    line = _first_line(path)
    header = tuple(line.split("\t")) if line else ()
    if not header:
        raise DataError(
            path, problem="is empty.", remedy="Expected a header line; download the file again."
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(
            path,
            row=1,
            problem=f"names {', '.join(twice)} more than once. Received: {','.join(header)}.",
            remedy="Keep one column of each name.",
        )
    require_columns(path, header, required)
    return header


def read_tabs(path: Path, header: tuple[str, ...], types: Mapping[str, str]) -> str:
    """Returns DuckDB's call that reads a table.

    Args:
        path: plain, or gzipped and named .gz.
        header: its columns.
        types: DuckDB's type of the columns that are used; the others are left as text.
    """
    columns = ", ".join(f"{literal(name)}: '{types.get(name, 'VARCHAR')}'" for name in header)
    # strict_mode is DuckDB's default and said here because surplus cells are dropped without it.
    # auto_detect finds nothing that is not said already, but looks at the file's size, by which
    # DuckDB orders joins.
    return (
        f"read_csv({literal(str(path))}, delim = '\t', quote = '', escape = '', header = true, "
        f"auto_detect = true, columns = {{{columns}}}, nullstr = '', comment = '', skip = 0, "
        "strict_mode = true, store_rejects = true)"
    )


def literal(text: str) -> str:
    """Returns a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def _first_line(path: Path) -> str:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            raw: bytes = file.readline(_HEADER_BYTES)
        return raw.rstrip(b"\r\n").decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            path,
            problem=f"cannot be read: {getattr(error, 'strerror', None) or error}.",
            remedy="Check the path and its permissions, or download the file again.",
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            path,
            row=1,
            problem=f"is not UTF-8 (byte 0x{error.object[error.start]:02x}).",
            remedy="Convert the file, for example with: iconv -f latin1 -t utf-8.",
        ) from error
