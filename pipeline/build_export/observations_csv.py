"""The observations CSV of iNaturalist's export page as a table of observations.

Laws: columns are read by name, in any subset and order that has the needed ones; an observation has
one photo, the first, which is all that the export names, and counts once, whatever the number of
parts it stands in. A fault is noted by the line that its record starts on.

    source = ObservationsCsv(Path("observations-123456.csv.zip"))
    taxa = source.taxa(connection)
    source.create_views(connection)          # `candidate` and `observer_name`

What the columns mean: docs/observations-csv.md.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from duckdb import DuckDBPyConnection

from pipeline.build_export.csv_records import Part, read_header_of, read_records, zip_members
from pipeline.build_export.named_taxa import NamedTaxa
from pipeline.build_export.placed_taxa import taxa_of_rows
from pipeline.build_export.row_loader import RowLoader
from pipeline.build_export.site_row import parse_site_row
from pipeline.build_export.table_faults import raise_together
from pipeline.build_export.table_source import NO_OBSERVER_NAMES, TaxaTable, photos_beside
from pipeline.build_export.taxa_file import read_taxa_file
from schemas.csv_rows import Problems
from schemas.errors import ConfigError, DataError
from schemas.row_cells import RowFault
from schemas.source import Format

COLUMNS = ("id", "image_url", "quality_grade")
"""Columns that must be there, besides scientific_name or, with a table of taxa, taxon_id."""

REMEDY = "Correct the rows, or export the observations again."

_TYPES = {
    "file": pa.int32(),
    "line": pa.int64(),
    "observation_id": pa.int64(),
    "observation_uuid": pa.string(),
    "taxon_ref": pa.int64(),
    "quality_grade": pa.string(),
    "latitude": pa.float64(),
    "longitude": pa.float64(),
    "positional_accuracy": pa.int64(),
    "observed_on": pa.date32(),
    "photo_id": pa.int64(),
    "extension": pa.string(),
    "photo_url": pa.string(),
    "license": pa.string(),
    "observer": pa.string(),
    "rights_holder": pa.string(),
    "captive": pa.bool_(),
}


class ObservationsCsv:
    """An export of the site: a CSV, a zip of some, or a directory of several parts.

    Args:
        path: what the user gave.
        taxa: table of taxa (see `taxa_file`); None to make the tree from the names in the rows.

    Raises:
        ConfigError: if there is no such file, or no CSV in the directory.
        DataError: if a CSV lacks needed columns.
    """

    format: Format = "observations-csv"

    def __init__(self, path: Path, taxa: Path | None = None) -> None:
        self.path, self._taxa_path = path, taxa
        self._parts = _find_parts(path)
        for part in self._parts:
            _require_columns(part, with_taxa=taxa is not None)
        self._problems = [Problems(part.place) for part in self._parts]
        self._names = NamedTaxa()
        self._taxa: TaxaTable | None = None
        self._loaded_in: DuckDBPyConnection | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The CSVs or zips, and the table of taxa if one was given."""
        paths = tuple(dict.fromkeys(part.path for part in self._parts))
        return (*paths, self._taxa_path) if self._taxa_path else paths

    @property
    def photos_dir(self) -> Path | None:
        """Directory named `photos` in the directory, or beside the file."""
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
        # Parts of a large export may overlap: of an observation's rows the first counts.
        connection.execute(
            """CREATE OR REPLACE TEMP VIEW candidate AS
            SELECT photo_id, observation_id AS observation_key, observation_id, observation_uuid,
                   observer, taxon_id, quality_grade, latitude, longitude, positional_accuracy,
                   observed_on, 0 AS position, extension, photo_url, license, rights_holder,
                   captive
            FROM site_row LEFT JOIN site_taxon USING (taxon_ref)
            QUALIFY row_number() OVER (
                PARTITION BY observation_id ORDER BY file, line) = 1"""
        )
        connection.execute(NO_OBSERVER_NAMES)

    def check(self, connection: DuckDBPyConnection) -> None:
        """See `TableSource.check`."""
        self._load(connection)
        raise_together(self.path, self._problems, REMEDY)

    def _load(self, connection: DuckDBPyConnection) -> TaxaTable:
        """Reads all parts into the tables `site_row` and `site_taxon`, once a connection."""
        if self._loaded_in is connection and self._taxa is not None:
            return self._taxa
        self._problems = [Problems(part.place) for part in self._parts]
        self._names = NamedTaxa()
        given = read_taxa_file(connection, self._taxa_path) if self._taxa_path else None
        with RowLoader(connection, "site_row", _TYPES) as loader:
            for row in self._rows():
                loader.add(row)
        self._taxa, ids = taxa_of_rows(self._names, given, self._taxa_path)
        types = {"taxon_ref": pa.int64(), "taxon_id": pa.int64()}
        with RowLoader(connection, "site_taxon", types) as loader:
            for pair in enumerate(ids.tolist()):
                loader.add(pair)
        self._loaded_in = connection
        return self._taxa

    def _rows(self) -> Iterator[tuple[object, ...]]:
        for file, (part, problems) in enumerate(zip(self._parts, self._problems, strict=True)):
            for line, cells in read_records(part, problems):
                try:
                    row = parse_site_row(cells)
                except RowFault as fault:
                    problems.add(line, fault.column, fault.problem)
                    continue
                if row is None:
                    continue
                identified = row.path is not None or row.taxon_id is not None
                ref = self._names.add(row.taxon_id, row.path or ()) if identified else None
                yield (
                    file, line, row.observation_id, row.observation_uuid, ref, row.quality_grade,
                    row.latitude, row.longitude, row.positional_accuracy, row.observed_on,
                    row.photo_id, row.extension, row.photo_url, row.license, row.observer,
                    row.rights_holder, row.captive,
                )  # fmt: skip


def _find_parts(path: Path) -> tuple[Part, ...]:
    if path.is_dir():
        files = sorted([*path.glob("*.csv"), *path.glob("*.csv.gz"), *path.glob("*.zip")])
    elif path.is_file():
        files = [path]
    else:
        raise ConfigError(
            f"The observations CSV {str(path)!r} does not exist. Expected a .csv, a .csv.zip as "
            "iNaturalist's export page gives it, or a directory of several."
        )
    found = [part for file in files for part in _parts_in(file)]
    if path.is_file() and len(found) == 1:
        return tuple(found)  # and if it is none, `_require_columns` says which columns it lacks
    parts = tuple(part for part in found if "image_url" in read_header_of(part))
    if not parts:
        names = ", ".join(Path(part.place).name for part in found) or "no .csv"
        raise ConfigError(
            f"{str(path)!r} holds no observations CSV of iNaturalist, none with a column "
            f"image_url. Found: {names}."
        )
    return parts


def _parts_in(file: Path) -> list[Part]:
    if file.suffix.lower() != ".zip" and not zipfile.is_zipfile(file):
        return [Part(file)]
    members = [name for name in zip_members(file) if name.lower().endswith(".csv")]
    return [Part(file, name) for name in sorted(members)]


def _require_columns(part: Part, *, with_taxa: bool) -> None:
    header = read_header_of(part)
    missing = [name for name in COLUMNS if name not in header]
    if "scientific_name" not in header and not (with_taxa and "taxon_id" in header):
        missing.append("scientific_name")
    if missing:
        raise DataError(
            part.place,
            row=1,
            problem=f"lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}. "
            f"Received: {','.join(header)}.",
            remedy="Tick them under 'Choose columns' on iNaturalist's export page; export again.",
        )
