"""Inspection of a table of observations: Open Data, observations CSV or Darwin Core.

Law: the table is read once, by DuckDB, into narrow rows in a database on disk; every figure is
counted exactly from those, within a limit of memory. Nothing is left behind.

    inspect_table(Path("inaturalist-open-data"), "open-data", progress=live)      # Inspection

The database takes some 20 bytes a photo on disk, and more while what exceeds memory is grouped.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from duckdb import DuckDBPyConnection

from pipeline.build_export.database import run, working_database
from pipeline.build_export.open_table import open_table
from pipeline.build_export.table_source import TableSource, TaxaTable
from pipeline.inspect.file_faults import faults_of
from pipeline.inspect.identified_taxa import identified_taxa
from pipeline.inspect.inspection import FileFaults, FileSize, Inspection
from pipeline.inspect.live_progress import LiveProgress
from pipeline.inspect.photo_sample import SAMPLE_SIZE
from pipeline.inspect.table_figures import (
    count_by,
    count_rows,
    doubled_photos,
    photos_on_disk,
    places,
)
from pipeline.inspect.table_notes import table_notes
from schemas.errors import ConfigError, DataError
from schemas.source import Format

MEMORY_LIMIT_MB = 600

DESCRIPTIONS: dict[Format, str] = {
    "open-data": "iNaturalist Open Data, a table of observations",
    "observations-csv": "observations CSV of the site's export page",
    "darwin-core": "Darwin Core archive, a table of observations",
}

_NARROW = """CREATE TABLE seen AS SELECT
    photo_id, hash(observation_key) AS observation, hash(observer) AS observer,
    observer IS NULL AS is_anonymous, taxon_id, quality_grade, license, extension,
    latitude IS NOT NULL AND longitude IS NOT NULL AS has_place,
    year(observed_on)::SMALLINT AS year, captive
FROM candidate"""
"""Keys are hashed to 8 bytes: of 100 million, two share one once in four thousand tables."""


def inspect_table(
    path: Path,
    format: Format,
    *,
    sample_size: int | None = SAMPLE_SIZE,
    work_dir: Path | None = None,
    progress: LiveProgress,
) -> Inspection:
    """Reads a table to its end.

    Args:
        path: what the user gave.
        format: a table's.
        sample_size: photos to look for on disk; None for all.
        work_dir: where the database and unpacked archives lie meanwhile; a temporary directory if
            None.
        progress: is told how far the reading is.

    Raises:
        ConfigError: if there is nothing, or memory or disk ran out.
        DataError: if a table is missing, lacks columns or cannot be read at all.
    """
    if work_dir is not None and not work_dir.is_dir():
        raise ConfigError(f"--work-dir: there is no such directory. Received: {str(work_dir)!r}.")
    with tempfile.TemporaryDirectory(prefix="fieldmark-inspect-", dir=work_dir) as name:
        directory = Path(name)
        source = open_table(path, format, work_dir=directory)
        faults: list[FileFaults] = []
        taxa = _taxa(source, directory / "taxa", faults)
        with _database(directory / "rows") as connection:
            source.create_views(connection)
            # Rows need no order here, and keeping it costs memory.
            connection.execute("SET preserve_insertion_order = false")
            run(connection, _NARROW, f"reading {path.name}", progress.share)
            try:
                source.check(connection)
            except DataError as error:
                faults.append(faults_of(error))
            return _inspection(connection, source, str(path), taxa, sample_size, faults)


def _taxa(source: TableSource, directory: Path, faults: list[FileFaults]) -> TaxaTable | None:
    """Returns the tree; None if it is broken, which leaves observations without names.

    It has a database of its own: the faults of one are told together.
    """
    with _database(directory) as connection:
        try:
            return source.taxa(connection)
        except DataError as error:
            faults.append(faults_of(error))
            return None


@contextmanager
def _database(directory: Path) -> Iterator[DuckDBPyConnection]:
    directory.mkdir()
    with working_database(directory, memory_limit_mb=MEMORY_LIMIT_MB) as connection:
        yield connection


def _inspection(
    connection: DuckDBPyConnection,
    source: TableSource,
    path: str,
    taxa: TaxaTable | None,
    sample_size: int | None,
    faults: list[FileFaults],
) -> Inspection:
    counted = count_rows(connection)
    identified = identified_taxa(connection, taxa)
    on_disk, refusal = photos_on_disk(connection, source.photos_dir, sample_size)
    if refusal is not None:
        faults.append(faults_of(refusal))
    doubled = doubled_photos(connection, identified)
    return Inspection(
        path=path,
        format=source.format,
        description=DESCRIPTIONS[source.format],
        files=tuple(FileSize(file.name, file.stat().st_size) for file in source.files),
        photos=counted.photos,
        observations=counted.observations,
        observers=counted.observers or None,
        taxa=identified.figures(),
        splits=(),
        licenses=count_by(connection, "license"),
        quality_grades=count_by(connection, "quality_grade"),
        places=places(connection, counted.observations),
        photos_on_disk=on_disk,
        per_taxon=identified.spread(),
        leaks=doubled,
        notes=table_notes(path, source.format, counted, identified, on_disk),
        faults=tuple(dict.fromkeys(faults)),
    )
