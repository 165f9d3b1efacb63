"""The temporary database that a selection works in: on disk, within a limit of memory.

Law: nothing outlives the build, and whatever is too large for the memory allowed goes to disk.

    with working_database(Path("work"), memory_limit_mb=600) as connection:
        ...
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
from duckdb import DuckDBPyConnection

from pipeline.build_export.csv_faults import reading

TAXON_ROLE = "taxon_role"
"""Table of the taxa that are wanted: taxon_id BIGINT, counts_for INTEGER. It is there before the
views of a source are made, so that a source with large tables can leave other taxa out early."""

OnProgress = Callable[[str, float | None], None]
"""Takes what is being done, and the share of it that is done, 0..1, None if unknown."""

_POLL_SECS = 0.25


@contextmanager
def working_database(
    directory: Path, *, memory_limit_mb: int, threads: int | None = None
) -> Iterator[DuckDBPyConnection]:
    """Opens an empty database in memory, which goes to files in `directory` past its limit.

    Args:
        directory: there, and empty; whoever made it removes it.
        memory_limit_mb: what DuckDB may hold, in MB; the process takes some 150 MB besides.
        threads: None for one a core.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_limit_mb}MB",
        "temp_directory": str(directory / "spilled"),
    }
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("PRAGMA disable_checkpoint_on_shutdown")
    try:
        yield connection
    finally:
        connection.close()


def run(
    connection: DuckDBPyConnection, sql: str, what: str, on_progress: OnProgress | None = None
) -> None:
    """Runs a statement, and says meanwhile how far it is.

    Raises:
        DataError, ConfigError: see `csv_faults.reading`.
    """
    with reading(), _watched(connection, what, on_progress):
        connection.execute(sql)


def put_table(
    connection: DuckDBPyConnection, name: str, columns: dict[str, npt.NDArray[np.integer]]
) -> None:
    """Makes a table of contiguous arrays of equal length."""
    connection.register("arrays", columns)
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM arrays")
    connection.unregister("arrays")


@contextmanager
def _watched(
    connection: DuckDBPyConnection, what: str, on_progress: OnProgress | None
) -> Iterator[None]:
    if on_progress is None:
        yield
        return
    connection.execute("SET enable_progress_bar = true")
    connection.execute("SET enable_progress_bar_print = false")
    over = threading.Event()
    show = on_progress

    def watch() -> None:
        while not over.wait(_POLL_SECS):
            percent = connection.query_progress()
            show(what, percent / 100 if percent > 0 else None)

    on_progress(what, None)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
