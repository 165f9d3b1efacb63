"""The tables of a Darwin Core archive: which files they are, and how their cells are parted.

`meta.xml` says so where it is there (tdwg.org/standards: Darwin Core Text Guide); without it the
files are iNaturalist's, observations.csv and media.csv with header lines.

    tables = find_tables(Path("inaturalist-dwca.zip"))
    tables.observations.header            # None, or the columns in meta.xml's order
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from pipeline.build_export.csv_records import Part
from schemas.errors import ConfigError, DataError

META_FILE = "meta.xml"
OBSERVATION_FILES = ("observations.csv", "observations.csv.gz")
MEDIA_FILES = ("media.csv", "media.csv.gz")

_TEXT = "{http://rs.tdwg.org/dwc/text/}"
_MEDIA_TYPES = ("Multimedia", "Image", "StillImage")
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\r\\n": "\r\n"}


class DarwinCoreTables(NamedTuple):
    """The two tables that are read.

    Attributes:
        observations: a row an observation, its number in the column `id`.
        media: a row a photo, its observation's number in the column `id`.
    """

    observations: Part
    media: Part


def find_tables(path: Path) -> DarwinCoreTables:
    """Returns the tables of an archive.

    Args:
        path: a directory or a zip.

    Raises:
        ConfigError: if there is no such archive.
        DataError: if a table is missing, or meta.xml cannot be read.
    """
    if path.is_dir():
        names = [file.name for file in path.iterdir()]
    elif path.is_file() and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    else:
        state = "is no zip" if path.is_file() else "does not exist"
        raise ConfigError(
            f"The Darwin Core archive {str(path)!r} {state}. Expected a .zip, or a directory with "
            "observations.csv and media.csv."
        )
    if META_FILE in names:
        return _from_meta(path)
    return DarwinCoreTables(
        _plain(path, names, OBSERVATION_FILES, "its observations"),
        _plain(path, names, MEDIA_FILES, "where its photos are"),
    )


def _plain(path: Path, names: list[str], wanted: tuple[str, ...], what: str) -> Part:
    found = next((name for name in wanted if name in names), None)
    if found is None:
        raise DataError(
            path,
            problem=f"has no {wanted[0]}, the table that says {what}. "
            f"Found: {', '.join(sorted(names)[:8]) or 'nothing'}.",
            remedy="Give the whole archive, with observations.csv, media.csv and, if there, "
            "meta.xml.",
        )
    return _part(path, found)


def _part(path: Path, name: str) -> Part:
    return Part(path / name) if path.is_dir() else Part(path, name)


def _from_meta(path: Path) -> DarwinCoreTables:
    tree = _meta(path)
    core = tree.find(f"{_TEXT}core")
    media = [
        extension
        for extension in tree.findall(f"{_TEXT}extension")
        if extension.get("rowType", "").rpartition("/")[2] in _MEDIA_TYPES
    ]
    if core is None or not media:
        raise DataError(
            path,
            problem=f"names no {'core' if core is None else 'table of photos'} in {META_FILE}.",
            remedy="Export the archive with its photos (the Multimedia extension).",
        )
    return DarwinCoreTables(_described(path, core, "id"), _described(path, media[0], "coreid"))


def _meta(path: Path) -> ElementTree.Element:
    try:
        if path.is_dir():
            return ElementTree.fromstring((path / META_FILE).read_bytes())
        with zipfile.ZipFile(path) as archive:
            return ElementTree.fromstring(archive.read(META_FILE))
    except (ElementTree.ParseError, OSError, zipfile.BadZipFile) as error:
        raise DataError(
            path,
            problem=f"has a {META_FILE} that cannot be read: {error}.",
            remedy="Download the archive again, or remove the file if the tables have headers.",
        ) from error


def _described(path: Path, table: ElementTree.Element, id_tag: str) -> Part:
    location = table.findtext(f"{_TEXT}files/{_TEXT}location")
    if not location:
        raise DataError(
            path,
            problem=f"has a table without a location in {META_FILE}.",
            remedy="Download the archive again.",
        )
    columns: dict[int, str] = {}
    for field in table.findall(f"{_TEXT}field"):
        if (index := field.get("index")) is not None:
            columns[int(index)] = field.get("term", "").rpartition("/")[2]
    key = table.find(f"{_TEXT}{id_tag}")
    id_index = int(key.get("index", "0")) if key is not None else 0
    # The number of the observation is what the archive's tables are joined by, whatever its term.
    columns[id_index] = "id"
    header = tuple(columns.get(index, f"column{index}") for index in range(max(columns) + 1))
    delimiter = table.get("fieldsTerminatedBy", ",")
    return _part(path, location)._replace(
        delimiter=_ESCAPES.get(delimiter, delimiter),
        quote=table.get("fieldsEnclosedBy", '"'),
        header=_unique(header),
        skipped_lines=int(table.get("ignoreHeaderLines", "0")),
    )


def _unique(header: tuple[str, ...]) -> tuple[str, ...]:
    """Two terms of different vocabularies may end alike (license); the first keeps the name."""
    names: list[str] = []
    for name in header:
        names.append(name if name not in names else f"{name} {len(names)}")
    return tuple(names)
