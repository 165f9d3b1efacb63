"""A Darwin Core archive of iNaturalist's observations as a table of observations.

Law: an observation is a row of the core, a photo a row of the media table; the two are joined by
DuckDB, never in memory. iNaturalist's archives hold research grade observations alone.

    source = DarwinCoreArchive(Path("gbif-observations-dwca.zip"))
    taxa = source.taxa(connection)
    source.create_views(connection)          # `candidate` and `observer_name`

What the columns mean: docs/darwin-core.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
from duckdb import DuckDBPyConnection

from pipeline.build_export.csv_records import Part, read_header_of, read_records
from pipeline.build_export.darwin_core_files import find_tables
from pipeline.build_export.named_taxa import NamedTaxa, path_of_names
from pipeline.build_export.named_taxa import Path as TaxonPath
from pipeline.build_export.row_loader import RowLoader
from pipeline.build_export.site_row import date_of, photo_of_url, place_of
from pipeline.build_export.table_source import TaxaTable
from pipeline.build_export.taxa_file import read_taxa_file
from schemas.csv_rows import Problems
from schemas.errors import DataError, did_you_mean
from schemas.licenses import license_code
from schemas.photo_store import PHOTOS_FOLDER
from schemas.ranks import LEVEL_OF_RANK
from schemas.row_cells import RowFault, integer, number
from schemas.source import Format

OBSERVATION_COLUMNS = ("id", "taxonID", "scientificName", "taxonRank")
MEDIA_COLUMNS = ("id", "identifier")
"""Columns that the tables must have."""

REMEDY = "Correct the rows, or export the archive again."

_RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
_OBSERVATION_TYPES = {
    "observation_id": pa.int64(),
    "taxon_ref": pa.int64(),
    "latitude": pa.float64(),
    "longitude": pa.float64(),
    "positional_accuracy": pa.int64(),
    "observed_on": pa.date32(),
    "observer": pa.string(),
    "rights_holder": pa.string(),
    "captive": pa.bool_(),
}
_MEDIA_TYPES = {
    "line": pa.int64(),
    "observation_id": pa.int64(),
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
        self._observations, self._media = find_tables(path)
        _require(self._observations, OBSERVATION_COLUMNS)
        _require(self._media, MEDIA_COLUMNS)
        self._problems = (Problems(self._observations.place), Problems(self._media.place))
        self._names = NamedTaxa()
        self._loaded_in: DuckDBPyConnection | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The archive or its two tables, and the table of taxa if one was given."""
        paths = tuple(dict.fromkeys((self._observations.path, self._media.path)))
        return (*paths, self._taxa_path) if self._taxa_path else paths

    @property
    def photos_dir(self) -> Path | None:
        """Directory named `photos` in the archive's directory, or beside the zip."""
        found = (self.path if self.path.is_dir() else self.path.parent) / PHOTOS_FOLDER
        return found if found.is_dir() else None

    def taxa(self, connection: DuckDBPyConnection) -> TaxaTable:
        """See `TableSource.taxa`."""
        if self._taxa_path is not None:
            return read_taxa_file(connection, self._taxa_path)
        self._load(connection)
        return self._names.table()

    def create_views(self, connection: DuckDBPyConnection) -> None:
        """See `TableSource.create_views`."""
        self._load(connection)
        connection.execute(
            """CREATE OR REPLACE TEMP VIEW candidate AS
            SELECT m.photo_id, o.observation_id AS observation_key, o.observation_id,
                   NULL::VARCHAR AS observation_uuid, o.observer, t.taxon_id,
                   'research' AS quality_grade, o.latitude, o.longitude, o.positional_accuracy,
                   o.observed_on,
                   (row_number() OVER (PARTITION BY m.observation_id ORDER BY m.line) - 1)::INTEGER
                       AS position,
                   m.extension, m.photo_url, m.license,
                   coalesce(m.rights_holder, o.rights_holder) AS rights_holder, o.captive
            FROM media_row m JOIN occurrence_row o USING (observation_id)
                 LEFT JOIN occurrence_taxon t USING (taxon_ref)"""
        )
        connection.execute(
            "CREATE OR REPLACE TEMP VIEW observer_name AS "
            "SELECT '' AS observer, '' AS login, '' AS name LIMIT 0"
        )

    def check(self, connection: DuckDBPyConnection) -> None:
        """See `TableSource.check`."""
        self._load(connection)
        for problems in self._problems:
            problems.raise_if_any(REMEDY)

    def _load(self, connection: DuckDBPyConnection) -> None:
        """Reads both tables into the database, once a connection."""
        if self._loaded_in is connection:
            return
        self._problems = (Problems(self._observations.place), Problems(self._media.place))
        self._names = NamedTaxa()
        with RowLoader(connection, "occurrence_row", _OBSERVATION_TYPES) as loader:
            for row in self._occurrences(self._problems[0]):
                loader.add(row)
        types = {"taxon_ref": pa.int64(), "taxon_id": pa.int64()}
        with RowLoader(connection, "occurrence_taxon", types) as loader:
            for pair in enumerate(self._names.taxon_ids().tolist()):
                loader.add(pair)
        with RowLoader(connection, "media_row", _MEDIA_TYPES) as loader:
            for row in self._photos(self._problems[1]):
                loader.add(row)
        self._note_doubles(connection)
        self._loaded_in = connection

    def _occurrences(self, problems: Problems) -> Iterator[tuple[object, ...]]:
        for line, cells in read_records(self._observations, problems):
            try:
                latitude, longitude = place_of(cells, "decimalLatitude", "decimalLongitude")
                ref = self._names.add(*_taxon(cells)) if cells["scientificName"].strip() else None
                yield (
                    integer(cells, "id", least=1), ref, latitude, longitude, _accuracy(cells),
                    date_of(cells, "eventDate"), _first(cells, "inaturalistLogin", "recordedBy"),
                    _first(cells, "rightsHolder", "recordedBy"), _captive(cells),
                )  # fmt: skip
            except RowFault as fault:
                problems.add(line, fault.column, fault.problem)

    def _photos(self, problems: Problems) -> Iterator[tuple[object, ...]]:
        for line, cells in read_records(self._media, problems):
            if not _is_photo(cells):
                continue
            try:
                photo = photo_of_url(cells["identifier"].strip(), "identifier")
                license = cells.get("license", "").strip()
                yield (
                    line, integer(cells, "id", least=1), photo.photo_id, photo.extension, photo.url,
                    license_code(license, license) or None,
                    _first(cells, "rightsHolder", "creator"),
                )  # fmt: skip
            except RowFault as fault:
                problems.add(line, fault.column, fault.problem)

    def _note_doubles(self, connection: DuckDBPyConnection) -> None:
        doubles = connection.execute(
            "SELECT observation_id, count(*) FROM occurrence_row GROUP BY ALL HAVING count(*) > 1 "
            "ORDER BY observation_id"
        ).fetchall()
        for observation_id, count in doubles:
            self._problems[0].add(None, "id", f"{observation_id} stands on {count} rows.")


def _require(part: Part, columns: tuple[str, ...]) -> None:
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


def _taxon(cells: Mapping[str, str]) -> tuple[int | None, TaxonPath]:
    name, rank = cells["scientificName"].strip(), cells["taxonRank"].strip().lower()
    if rank not in LEVEL_OF_RANK:
        hint = did_you_mean(rank, LEVEL_OF_RANK)
        raise RowFault("taxonRank", f"is none of iNaturalist's. Received: {rank!r}.{hint}")
    above = {other: cells[other].strip() for other in _RANKS if cells.get(other)}
    # Also as the address of the taxon's page: https://www.inaturalist.org/taxa/47993
    cell = cells["taxonID"].strip().rpartition("/")[2]
    taxon_id = integer({"taxonID": cell}, "taxonID", least=1) if cell else None
    return taxon_id, path_of_names((rank, name), above)


def _accuracy(cells: Mapping[str, str]) -> int | None:
    if not cells.get("coordinateUncertaintyInMeters"):
        return None
    return round(number(cells, "coordinateUncertaintyInMeters", limit=1e9))


def _captive(cells: Mapping[str, str]) -> bool | None:
    word = cells.get("captive", "").lower()
    if word not in ("", "wild", "captive", "cultivated"):
        raise RowFault("captive", f"is neither wild nor captive nor empty. Received: {word!r}.")
    return word != "wild" if word else None


def _is_photo(cells: Mapping[str, str]) -> bool:
    return "sound" not in cells.get("type", "").lower() and not cells.get("format", "").startswith(
        "audio/"
    )


def _first(cells: Mapping[str, str], *columns: str) -> str | None:
    return next((cells[column] for column in columns if cells.get(column)), None)
