"""iNaturalist's Open Data dump as a table of observations.

Law: the tables are read by column name, as they are, by DuckDB alone: a row that cannot be read is
an error with its file, row and column, and never left out.

    source = OpenDataDump(Path("inaturalist-open-data"))
    taxa = source.taxa(connection)
    source.create_views(connection)          # `candidate` and `observer_name`

The format: github.com/inaturalist/inaturalist-open-data.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from duckdb import DuckDBPyConnection

from pipeline.build_export.csv_faults import raise_faults, reading
from pipeline.build_export.database import TAXON_ROLE
from pipeline.build_export.open_data_archive import is_archive, unpack
from pipeline.build_export.tab_separated import read_tabs, require_tabs
from pipeline.build_export.table_source import TaxaTable, photos_beside
from pipeline.build_export.taxa_csv import read_taxa
from schemas.errors import ConfigError, DataError
from schemas.source import Format

OBSERVATIONS = {
    "observation_uuid": "VARCHAR",
    "observer_id": "BIGINT",
    "latitude": "DOUBLE",
    "longitude": "DOUBLE",
    "positional_accuracy": "BIGINT",
    "taxon_id": "BIGINT",
    "quality_grade": "VARCHAR",
    "observed_on": "DATE",
}
"""Columns that are read of observations.csv, with DuckDB's types."""

PHOTOS = {
    "photo_id": "BIGINT",
    "observation_uuid": "VARCHAR",
    "extension": "VARCHAR",
    "license": "VARCHAR",
    "position": "INTEGER",
}
"""Columns that are read of photos.csv."""

OBSERVERS = {"observer_id": "BIGINT", "login": "VARCHAR", "name": "VARCHAR"}
"""Columns that are read of observers.csv."""

TABLES = ("observations", "photos", "taxa", "observers")
"""The tables of a dump; observers may be missing."""

_ENDINGS = (".csv", ".csv.gz")
_FILES = tuple(name + ending for name in TABLES for ending in _ENDINGS)
_REMEDY = "Take all tables from one dump; if this one is damaged, download it again."


class OpenDataDump:
    """A dump: a directory with its tables, or the archive of all of them.

    Args:
        path: the directory, or inaturalist-open-data-YYYYMMDD.tar.gz.
        work_dir: where the archive is unpacked to, once; beside it if None.

    Raises:
        ConfigError: if there is no such directory or archive.
        DataError: if a table is missing, or is there both plain and gzipped.
    """

    format: Format = "open-data"

    def __init__(self, path: Path, work_dir: Path | None = None) -> None:
        self.path = path
        self._work_dir = path.parent if work_dir is None else work_dir
        if not path.is_dir() and not (path.is_file() and is_archive(path)):
            state = "is a file" if path.exists() else "does not exist"
            raise ConfigError(
                f"The Open Data dump {str(path)!r} {state}. Expected a directory with "
                "observations.csv.gz, photos.csv.gz and taxa.csv.gz, or the archive "
                "inaturalist-open-data-YYYYMMDD.tar.gz."
            )
        if path.is_dir():
            _ = self._tables

    @property
    def files(self) -> tuple[Path, ...]:
        """The archive, or the tables in the order of `TABLES`."""
        return (self.path,) if self.path.is_file() else tuple(self._tables.values())

    @property
    def photos_dir(self) -> Path | None:
        """Directory named `photos` beside the tables or the archive."""
        return photos_beside(self.path)

    def taxa(self, connection: DuckDBPyConnection) -> TaxaTable:
        """See `TableSource.taxa`."""
        return read_taxa(connection, self._tables["taxa"])

    @property
    def moved_taxa(self) -> list[str]:
        """See `TableSource.moved_taxa`: there are none, the table of taxa counts."""
        return []

    def create_views(self, connection: DuckDBPyConnection) -> None:
        """See `TableSource.create_views`. Reads only the taxa of `TAXON_ROLE`, if it is there."""
        observations = self._read("observations", OBSERVATIONS)
        if _has_table(connection, TAXON_ROLE):
            wanted = f"(SELECT taxon_id FROM {TAXON_ROLE})"
            observations = f"(SELECT * FROM {observations} WHERE taxon_id IN {wanted})"
        photos = self._read("photos", PHOTOS)
        # A UUID is 16 bytes to keep and group by, its text 36; but it costs more to read than all
        # other columns together, so only those are converted that the filters leave over.
        with reading():
            connection.execute(
                f"""CREATE OR REPLACE TEMP VIEW candidate AS
            SELECT p.photo_id, o.observation_uuid::UUID AS observation_key,
                   NULL::BIGINT AS observation_id, o.observation_uuid::VARCHAR AS observation_uuid,
                   o.observer_id::VARCHAR AS observer, o.taxon_id, o.quality_grade, o.latitude,
                   o.longitude, o.positional_accuracy, o.observed_on, p.position, p.extension,
                   NULL::VARCHAR AS photo_url, p.license, NULL::VARCHAR AS rights_holder,
                   NULL::BOOLEAN AS captive
            FROM {photos} p JOIN {observations} o USING (observation_uuid)"""
            )
            connection.execute(f"CREATE OR REPLACE TEMP VIEW observer_name AS {self._observers()}")

    def check(self, connection: DuckDBPyConnection) -> None:
        """See `TableSource.check`."""
        raise_faults(connection, _REMEDY)

    @cached_property
    def _tables(self) -> dict[str, Path]:
        """The file of each table that is there."""
        if self.path.is_dir():
            return find_tables(self.path)
        return find_tables(unpack(self.path, self._work_dir, _FILES))

    def _read(self, table: str, types: dict[str, str]) -> str:
        path = self._tables[table]
        return read_tabs(path, require_tabs(path, tuple(types)), types)

    def _observers(self) -> str:
        if "observers" not in self._tables:
            return "SELECT '' AS observer, '' AS login, '' AS name LIMIT 0"
        # The dump's own writer turned an empty name into the word None.
        return (
            "SELECT observer_id::VARCHAR AS observer, login, nullif(name, 'None') AS name "
            f"FROM {self._read('observers', OBSERVERS)}"
        )


def _has_table(connection: DuckDBPyConnection, name: str) -> bool:
    found = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [name])
    return bool(found.fetchall())


def find_tables(directory: Path) -> dict[str, Path]:
    """Returns the file of each table in a directory.

    Raises:
        DataError: if a needed one is missing, or one is there twice.
    """
    found: dict[str, Path] = {}
    for table in TABLES:
        paths = [path for end in _ENDINGS if (path := directory / f"{table}{end}").is_file()]
        if len(paths) > 1:
            raise DataError(
                directory,
                problem=f"has both {paths[0].name} and {paths[1].name}.",
                remedy="Keep the one that is newer.",
            )
        if paths:
            found[table] = paths[0]
    missing = [table for table in TABLES[:3] if table not in found]
    if missing:
        inner = sorted(directory.glob("*/taxa.csv*"))
        hint = f" Did you mean {str(inner[0].parent)!r}?" if inner else ""
        raise DataError(
            directory,
            problem=f"lacks {', '.join(f'{table}.csv.gz' for table in missing)}.",
            remedy=f"Give the directory that holds all tables of one dump.{hint}",
        )
    return found
