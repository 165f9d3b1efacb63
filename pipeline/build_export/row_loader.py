"""Rows of Python values put into a DuckDB table, a batch at a time.

Memory is one batch, whatever the file's size.

    with RowLoader(connection, "site_row", {"photo_id": pa.int64()}) as loader:
        loader.add((48124507,))
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import pyarrow as pa
from duckdb import DuckDBPyConnection

BATCH_ROWS = 20_000


class RowLoader:
    """Makes a table and appends rows to it.

    Args:
        connection: the database.
        table: its name; replaced if it is there.
        types: Arrow type of each column, in the order of a row's values.
    """

    def __init__(
        self, connection: DuckDBPyConnection, table: str, types: Mapping[str, pa.DataType]
    ) -> None:
        self._connection, self._table = connection, table
        self._schema = pa.schema(list(types.items()))
        self._rows: list[tuple[Any, ...]] = []
        self._write(create=True)

    def __enter__(self) -> RowLoader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self._write()

    def add(self, row: tuple[Any, ...]) -> None:
        """Appends a row: one value, or None, a column."""
        self._rows.append(row)
        if len(self._rows) >= BATCH_ROWS:
            self._write()

    def _write(self, *, create: bool = False) -> None:
        columns = list(zip(*self._rows, strict=True)) or [() for _ in self._schema]
        arrays = [
            pa.array(values, field.type)
            for values, field in zip(columns, self._schema, strict=True)
        ]
        batch = pa.table(arrays, schema=self._schema)
        self._connection.register("row_batch", batch)
        statement = (
            f"CREATE OR REPLACE TABLE {self._table} AS SELECT * FROM row_batch"
            if create
            else f"INSERT INTO {self._table} SELECT * FROM row_batch"
        )
        self._connection.execute(statement)
        self._connection.unregister("row_batch")
        self._rows = []
