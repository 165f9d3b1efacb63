"""The Parquet files of photo indexes as one DuckDB table, and which file is to blame if it fails.

DuckDB streams: memory does not grow with the number of photos, and a sort that does not fit goes
to a temporary directory.

    with open_duckdb() as connection:
        files = IndexFiles.of([index_directory])
        sql = "SELECT file, path FROM photo WHERE photo_id = $id"
        for file, path in files.rows(connection, sql, {"id": 25}):
            files.place_of[file].split
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from schemas.errors import DataError
from schemas.photo_index import SCHEMA, index_files

MEMORY_LIMIT = "1GB"
"""Of a query; a sort of 30 million photos takes more, and goes to disk."""

_SPLIT_PREFIX = "Split-"

ROWS_AT_ONCE = 10_000

_VIEW = f"""
SELECT {", ".join(SCHEMA.names)}, filename AS file
FROM read_parquet($files, filename = true, hive_partitioning = false, union_by_name = false)
"""


class Place(NamedTuple):
    """What an index file belongs to.

    Attributes:
        directory: of the index.
        split: name of the split.
    """

    directory: Path
    split: str


@dataclass(frozen=True)
class IndexFiles:
    """Files of one or more indexes.

    Attributes:
        place_of: index and split by path of the file.
    """

    place_of: Mapping[str, Place]

    @classmethod
    def of(cls, indexes: Iterable[Path], splits: Iterable[str] | None = None) -> IndexFiles:
        """Finds the files.

        Args:
            indexes: directories of PhotoIndex artifacts.
            splits: names of splits; all for None.
        """
        places = [
            Place(index, split)
            for index in dict.fromkeys(indexes)
            for split in (splits if splits is not None else index_splits(index))
        ]
        return cls(
            {
                str(path): place
                for place in places
                for path in index_files(place.directory, place.split)
            }
        )

    def rows(
        self, connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any]
    ) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a query over `photo`: columns of `schemas.photo_index`, and `file`.

        Without files there are none.

        Args:
            connection: of `open_duckdb`.
            sql: what follows `WITH photo AS (...)`.
            parameters: of the query, by name.

        Raises:
            DataError: if a file cannot be read, naming it.
        """
        if not self.place_of:
            return
        try:
            result = connection.execute(
                f"WITH photo AS ({_VIEW}) {sql}", {"files": list(self.place_of), **parameters}
            )
            while rows := result.fetchmany(ROWS_AT_ONCE):
                yield from rows
        except duckdb.Error as error:
            self._blame(error)
            raise

    def _blame(self, error: duckdb.Error) -> None:
        """Raises:
        DataError: naming the first file that cannot be read, if there is one.
        """
        for path in self.place_of:
            try:
                with duckdb.connect() as connection:
                    # Every value is needed, so every page is read.
                    connection.execute(
                        f"SELECT max(hash(COLUMNS(*))) FROM ({_VIEW})", {"files": [path]}
                    )
            except duckdb.Error as fault:
                raise DataError(
                    path,
                    problem=f"cannot be read as a photo index: {_first_line(fault)}.",
                    remedy="Put back a copy of the file, or run the pipeline again.",
                ) from error


def index_splits(index: Path) -> list[str]:
    """Returns the splits of an index, those that are trained on or judged by first."""
    known = ("train", "val", "test")
    names = [path.name.removeprefix(_SPLIT_PREFIX) for path in index.glob(f"{_SPLIT_PREFIX}*")]
    return sorted(names, key=lambda name: (known.index(name) if name in known else 3, name))


@contextmanager
def open_duckdb() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yields a connection to a database of its own, which goes away with what it left on disk."""
    with tempfile.TemporaryDirectory(prefix="fieldmark-lineage-") as directory:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": directory,
        }
        with duckdb.connect(config=config) as connection:
            yield connection


def _first_line(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0].strip().rstrip(".")
