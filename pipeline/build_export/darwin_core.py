"""A Darwin Core archive of iNaturalist's observations as a table of observations.

Laws: an observation is a row of the core, a photo a row of the media table; the two are joined by
DuckDB, never in memory. An observation on two rows is a fault, and so is a photo of none. A fault
is noted by the line that its record starts on.

    source = DarwinCoreArchive(Path("gbif-observations-dwca.zip"))
    taxa = source.taxa(connection)
    source.create_views(connection)          # `candidate` and `observer_name`

What the columns mean: docs/darwin-core.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from duckdb import DuckDBPyConnection

from pipeline.build_export.csv_records import Part, read_header_of, read_records
from pipeline.build_export.darwin_core_files import find_tables
from pipeline.build_export.darwin_core_row import parse_observation, parse_photo
from pipeline.build_export.named_taxa import NamedTaxa
from pipeline.build_export.placed_taxa import taxa_of_rows
from pipeline.build_export.row_loader import RowLoader
from pipeline.build_export.table_faults import raise_together
from pipeline.build_export.table_source import NO_OBSERVER_NAMES, TaxaTable, photos_beside
from pipeline.build_export.taxa_file import read_taxa_file
from schemas.csv_rows import Problems
from schemas.errors import DataError
from schemas.row_cells import RowFault
from schemas.source import Format

OBSERVATION_COLUMNS = ("id", "taxonID", "scientificName", "taxonRank")
MEDIA_COLUMNS = ("id", "identifier")
"""Columns that the tables must have."""

REMEDY = "Correct the rows, or export the archive again."

_FETCHED_ROWS = 10_000
_OBSERVATION_TYPES = {
    "line": pa.int64(),
    "key": pa.int64(),
    "observation_id": pa.int64(),
    "taxon_ref": pa.int64(),
    "quality_grade": pa.string(),
    "latitude": pa.float64(),
    "longitude": pa.float64(),
    "positional_accuracy": pa.int64(),
    "observed_on": pa.date32(),
    "observer": pa.string(),
    "rights_holder": pa.string(),
    "license": pa.string(),
    "captive": pa.bool_(),
}
_MEDIA_TYPES = {
    "line": pa.int64(),
    "key": pa.int64(),
    "photo_id": pa.int64(),
    "extension": pa.string(),
    "photo_url": pa.string(),
    "license": pa.string(),
    "rights_holder": pa.string(),
}


class DarwinCoreArchive:
    """An archive: a zip, or a directory of its files.

    Args:
        path: what the user gave.
        taxa: table of taxa (see `taxa_file`); None to make the tree from the names in the rows.

    Raises:
        ConfigError: if there is no such archive.
        DataError: if a table is missing or lacks needed columns.
    """

    format: Format = "darwin-core"

    def __init__(self, path: Path, taxa: Path | None = None) -> None:
        self.path, self._taxa_path = path, taxa
        self._tables = find_tables(path)
        self._observations, self._media = self._tables.observations, self._tables.media
        _require(self._observations, OBSERVATION_COLUMNS)
        self._photos_have_licenses = "license" in _require(self._media, MEDIA_COLUMNS)
        self._problems = (Problems(self._observations.place), Problems(self._media.place))
        self._names = NamedTaxa()
        self._taxa: TaxaTable | None = None
        self._loaded_in: DuckDBPyConnection | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The zip or the tables and meta.xml, and the table of taxa if one was given."""
        paths = (self._observations.path, self._media.path, self._tables.meta, self._taxa_path)
        return tuple(dict.fromkeys(path for path in paths if path is not None))

    @property
    def photos_dir(self) -> Path | None:
        """Directory named `photos` in the archive's directory, or beside the zip."""
        return photos_beside(self.path)

    def taxa(self, connection: DuckDBPyConnection) -> TaxaTable:
        """See `TableSource.taxa`."""
        return self._load(connection)

    @property
    def moved_taxa(self) -> list[str]:
        """See `TableSource.moved_taxa`."""
        return [] if self._taxa_path is not None else self._names.moved

    def create_views(self, connection: DuckDBPyConnection) -> None:
        """See `TableSource.create_views`."""
        self._load(connection)
        license = "m.license" if self._photos_have_licenses else "o.license"
        connection.execute(
            f"""CREATE OR REPLACE TEMP VIEW candidate AS
            SELECT m.photo_id, o.observation_id AS observation_key, o.observation_id,
                   NULL::VARCHAR AS observation_uuid, o.observer, t.taxon_id, o.quality_grade,
                   o.latitude, o.longitude, o.positional_accuracy, o.observed_on,
                   (row_number() OVER (PARTITION BY m.key ORDER BY m.line) - 1)::INTEGER
                       AS position,
                   m.extension, m.photo_url, {license} AS license,
                   coalesce(m.rights_holder, o.rights_holder) AS rights_holder, o.captive
            FROM media_row m JOIN occurrence_row o USING (key)
                 LEFT JOIN occurrence_taxon t USING (taxon_ref)"""
        )
        connection.execute(NO_OBSERVER_NAMES)

    def check(self, connection: DuckDBPyConnection) -> None:
        """See `TableSource.check`."""
        self._load(connection)
        raise_together(self.path, self._problems, REMEDY)

    def _load(self, connection: DuckDBPyConnection) -> TaxaTable:
        """Reads both tables into the database, once a connection."""
        if self._loaded_in is connection and self._taxa is not None:
            return self._taxa
        self._problems = (Problems(self._observations.place), Problems(self._media.place))
        self._names = NamedTaxa()
        given = read_taxa_file(connection, self._taxa_path) if self._taxa_path else None
        with RowLoader(connection, "occurrence_row", _OBSERVATION_TYPES) as loader:
            for row in self._occurrences(self._problems[0]):
                loader.add(row)
        self._taxa, ids = taxa_of_rows(self._names, given, self._taxa_path)
        types = {"taxon_ref": pa.int64(), "taxon_id": pa.int64()}
        with RowLoader(connection, "occurrence_taxon", types) as loader:
            for pair in enumerate(ids.tolist()):
                loader.add(pair)
        with RowLoader(connection, "media_row", _MEDIA_TYPES) as loader:
            for row in self._photos(self._problems[1]):
                loader.add(row)
        self._note_doubles(connection, self._problems[0])
        self._note_strays(connection, self._problems[1])
        self._loaded_in = connection
        return self._taxa

    def _occurrences(self, problems: Problems) -> Iterator[tuple[object, ...]]:
        for line, cells in read_records(self._observations, problems):
            try:
                row = parse_observation(cells)
            except RowFault as fault:
                problems.add(line, fault.column, fault.problem)
                # The row is there all the same: its photos are no strays.
                key = cells["id"]
                if key.isdecimal():
                    yield (line, int(key), *[None] * (len(_OBSERVATION_TYPES) - 2))
                continue
            ref = None if row.path is None else self._names.add(row.taxon_id, row.path)
            yield (
                line, row.key, row.observation_id, ref, row.quality_grade, row.latitude,
                row.longitude, row.positional_accuracy, row.observed_on, row.observer,
                row.rights_holder, row.license, row.captive,
            )  # fmt: skip

    def _photos(self, problems: Problems) -> Iterator[tuple[object, ...]]:
        for line, cells in read_records(self._media, problems):
            try:
                row = parse_photo(cells)
            except RowFault as fault:
                problems.add(line, fault.column, fault.problem)
                continue
            if row is not None:
                yield line, row.key, *row.photo, row.license, row.rights_holder

    def _note_doubles(self, connection: DuckDBPyConnection, problems: Problems) -> None:
        doubles = connection.execute(
            """SELECT line, key, first FROM
                (SELECT line, key, min(line) OVER (PARTITION BY key) AS first
                FROM occurrence_row WHERE observation_id IS NOT NULL)
            WHERE line > first ORDER BY line"""
        )
        while rows := doubles.fetchmany(_FETCHED_ROWS):
            for line, key, first in rows:
                problems.add(line, "id", f"{key} stands on row {first} too.")

    def _note_strays(self, connection: DuckDBPyConnection, problems: Problems) -> None:
        strays = connection.execute(
            "SELECT line, key FROM media_row ANTI JOIN occurrence_row USING (key) ORDER BY line"
        )
        while rows := strays.fetchmany(_FETCHED_ROWS):
            for line, key in rows:
                name = Path(self._observations.place).name
                problems.add(line, "id", f"{key} is no observation of {name}.")


def _require(part: Part, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the columns of a table, having checked that the needed ones are there."""
    header = read_header_of(part)
    missing = [name for name in columns if name not in header]
    if missing:
        raise DataError(
            part.place,
            row=1,
            problem=f"lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}. "
            f"Received: {','.join(header)}.",
            remedy="Is this iNaturalist's archive? docs/darwin-core.md lists what is needed.",
        )
    return header
