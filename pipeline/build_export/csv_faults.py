"""What DuckDB's reader of CSV found wrong, as one error for people.

Law: no row is dropped in silence. DuckDB notes the rows that it cannot read in a table of its own
(`store_rejects`); `raise_faults` turns the table into one `DataError`, the first 20 rows shown and
the rest counted. What stops the reader altogether is translated by `reading`.

    with reading():
        connection.execute("CREATE TABLE photo AS SELECT * FROM candidate")
    raise_faults(connection, "Download the file again.")
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from schemas.csv_rows import PROBLEMS_SHOWN
from schemas.errors import ConfigError, DataError

_CELL_SHOWN_CHARACTERS = 120
# The reader quotes the value one way, a cast the other.
_VALUE = re.compile(r"Could not convert string ([\"'])(?P<value>.*)\1 to '?(?P<type>\w+)", re.S)
_FILE = re.compile(r'^\s*file = (?P<path>.*)$|sniffing file "(?P<sniffed>.*)"', re.M)
_TYPES = {
    "BIGINT": "an integer",
    "INTEGER": "an integer",
    "DOUBLE": "a number",
    "DATE": "a date such as 2021-06-30",
    "UUID": "a UUID",
    "BOOLEAN": "true or false",
}
_CORRECT = "Correct the row, or download the file again."
_STRUCTURAL = ("MISSING COLUMNS", "TOO MANY COLUMNS")


class UnreadableCell(Exception):
    """A cell that could not be converted after the reader had passed it on.

    Args:
        value: what stands in the cell.
        kind: DuckDB's type that it should have been.
    """

    def __init__(self, value: str, kind: str) -> None:
        super().__init__(f"{value!r} as {kind}")
        self.value, self.kind = value, kind

    def located(self, files: Iterable[Path]) -> DataError:
        """Returns the error for people, with the first row of `files` that holds the value."""
        problem = f"is not {_TYPES.get(self.kind, self.kind)}. Received: {self.value!r}."
        path = None
        for path in files:
            if path.name.endswith((".csv", ".csv.gz")):
                with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
                    for row, line in enumerate(lines, start=1):
                        if self.value.encode() in line:
                            return DataError(path, row=row, problem=problem, remedy=_CORRECT)
        return DataError(path or "the tables", problem=problem, remedy=_CORRECT)


def raise_faults(connection: DuckDBPyConnection, remedy: str) -> None:
    """Raises what the reads of this connection noted so far.

    Raises:
        DataError: naming file, row and column of the first 20 faults, and the count of the rest.
    """
    if not _noted(connection):
        return
    # One fault a row, the one that explains the others: a row cut short has casting faults too.
    rows = """
        SELECT DISTINCT ON (file_path, line) file_path, line, column_name, error_type,
               csv_line, error_message
        FROM reject_errors JOIN reject_scans USING (scan_id, file_id)
        ORDER BY file_path, line, error_type <> 'MISSING COLUMNS', column_idx
    """
    count = connection.execute(f"SELECT count(*) FROM ({rows})").fetchall()[0][0]
    if not count:
        return
    shown = connection.execute(f"{rows} LIMIT {PROBLEMS_SHOWN}").fetchall()
    path = Path(shown[0][0])
    lines = [
        ("" if Path(file) == path else f"{Path(file).name}, ")
        + f"row {line}{_place(column, kind)}: {_problem(kind, text, message)}"
        for file, line, column, kind, text, message in shown
    ]
    more = f"\n  ... and {count - len(shown):,} more." if count > len(shown) else ""
    noun = "1 fault" if count == 1 else f"{count:,} faults"
    raise DataError(path, problem=f"{noun}:\n  " + "\n  ".join(lines) + f"{more}\n", remedy=remedy)


@contextmanager
def reading() -> Iterator[None]:
    """Translates what stops DuckDB while it reads or writes.

    Raises:
        DataError: if a file cannot be read as a table at all.
        ConfigError: if memory or disk ran out.
        UnreadableCell: if a cell could not be converted.
    """
    try:
        yield
    except duckdb.ConversionException as error:
        value = _VALUE.search(str(error))
        if value is None:
            raise
        raise UnreadableCell(value["value"], value["type"]) from error
    except duckdb.OutOfMemoryException as error:
        raise ConfigError(
            f"The memory or the disk allowed did not suffice: {_first_line(error)} "
            "Allow more with --memory-limit, or give a --work-dir on a larger disk."
        ) from error
    except duckdb.InvalidInputException as error:
        file = _FILE.search(str(error))
        if file is None:
            raise
        raise DataError(
            file["path"] or file["sniffed"],
            problem="cannot be read as lines of cells: line ends are mixed, or a carriage return "
            "stands inside a cell.",
            remedy="Write the file with LF line ends, for example with: tr -d '\\r'.",
        ) from error
    except duckdb.IOException as error:
        raise ConfigError(
            f"Reading or writing failed: {_first_line(error)} Check the file and the space on disk."
        ) from error


def _noted(connection: DuckDBPyConnection) -> bool:
    found = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'reject_errors'"
    )
    return bool(found.fetchall()[0][0])


def _place(column: str | None, kind: str) -> str:
    return "" if column is None or kind in _STRUCTURAL else f", column {column}"


def _problem(kind: str, text: str, message: str) -> str:
    received = f"Received: {text.strip(chr(10))[:_CELL_SHOWN_CHARACTERS]!r}."
    if kind in _STRUCTURAL:
        counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
        if counts is not None:
            return f"has {counts[2]} cells where the header has {counts[1]}. {received}"
    if kind == "INVALID ENCODING":
        return f"is not UTF-8. {received}"
    value = _VALUE.search(message)
    if value is not None:
        wanted = _TYPES.get(value["type"], value["type"])
        return f"is not {wanted}. Received: {value['value'][:_CELL_SHOWN_CHARACTERS]!r}."
    return f"{message.splitlines()[0].rstrip('.')}. {received}"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") + "."
