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

from pipeline.build_export.csv_records import Part, zip_members
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
        meta: meta.xml, if it is a file of its own that was read.
    """

    observations: Part
    media: Part
    meta: Path | None = None


def find_tables(path: Path) -> DarwinCoreTables:
    """Returns the tables of an archive.

    Args:
        path: a directory or a zip.

    Raises:
        ConfigError: if there is no such archive.
        DataError: if a table is missing, or meta.xml cannot be read.
    """
    if path.is_dir():
        names = [file.name for file in path.iterdir() if file.is_file()]
    elif path.is_file() and zipfile.is_zipfile(path):
        names = zip_members(path)
    else:
        state = "is no zip" if path.is_file() else "does not exist"
        raise ConfigError(
            f"The Darwin Core archive {str(path)!r} {state}. Expected a .zip, or a directory with "
            "observations.csv and media.csv."
        )
    meta = _shallowest(names, (META_FILE,))
    if meta is not None:
        return _from_meta(path, meta)
    return DarwinCoreTables(
        _plain(path, names, OBSERVATION_FILES, "its observations"),
        _plain(path, names, MEDIA_FILES, "where its photos are"),
    )


def _shallowest(names: list[str], wanted: tuple[str, ...]) -> str | None:
    """Returns the wanted file that lies nearest to the top: many a zip holds a folder of files."""
    found = [name for name in names if name.rpartition("/")[2] in wanted]
    return min(found, key=lambda name: (name.count("/"), name), default=None)


def _plain(path: Path, names: list[str], wanted: tuple[str, ...], what: str) -> Part:
    found = _shallowest(names, wanted)
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


def _from_meta(path: Path, meta: str) -> DarwinCoreTables:
    tree = _xml(path, meta)
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
    folder = meta.removesuffix(META_FILE)
    return DarwinCoreTables(
        _described(path, folder, core, "id"),
        _described(path, folder, media[0], "coreid"),
        path / meta if path.is_dir() else None,
    )


def _xml(path: Path, meta: str) -> ElementTree.Element:
    try:
        if path.is_dir():
            return ElementTree.fromstring((path / meta).read_bytes())
        with zipfile.ZipFile(path) as archive:
            return ElementTree.fromstring(archive.read(meta))
    except (ElementTree.ParseError, OSError, zipfile.BadZipFile, RuntimeError) as error:
        raise _unusable(path, f"cannot be read: {error}") from error


def _described(path: Path, folder: str, table: ElementTree.Element, id_tag: str) -> Part:
    location = table.findtext(f"{_TEXT}files/{_TEXT}location")
    if not location:
        raise _unusable(path, "has a table without a location")
    try:
        header = _header(table, id_tag)
        skipped_lines = int(table.get("ignoreHeaderLines", "0"))
    except ValueError as error:
        raise _unusable(path, f"numbers columns or lines by what is no number: {error}") from error
    delimiter = table.get("fieldsTerminatedBy", ",")
    delimiter = _ESCAPES.get(delimiter, delimiter)
    quote = table.get("fieldsEnclosedBy", '"')
    if len(delimiter) != 1 or len(quote) > 1:
        raise _unusable(path, f"parts cells by {delimiter!r}, quoted by {quote!r}")
    return _part(path, folder + location.strip())._replace(
        delimiter=delimiter, quote=quote, header=header, skipped_lines=skipped_lines
    )


def _header(table: ElementTree.Element, id_tag: str) -> tuple[str, ...]:
    columns: dict[int, str] = {}
    for field in table.findall(f"{_TEXT}field"):
        if (index := field.get("index")) is not None:
            columns[int(index)] = field.get("term", "").rpartition("/")[2]
    key = table.find(f"{_TEXT}{id_tag}")
    # The number of the observation is what the archive's tables are joined by, whatever its term.
    columns[int(key.get("index", "0")) if key is not None else 0] = "id"
    return _unique(tuple(columns.get(index, f"column{index}") for index in range(max(columns) + 1)))


def _unusable(path: Path, problem: str) -> DataError:
    return DataError(
        path,
        problem=f"has a {META_FILE} that {problem}.",
        remedy="Download the archive again, or remove the file if the tables have headers.",
    )


def _unique(header: tuple[str, ...]) -> tuple[str, ...]:
    """Two terms of different vocabularies may end alike (license); the first keeps the name."""
    names: list[str] = []
    for name in header:
        names.append(name if name not in names else f"{name} {len(names)}")
    return tuple(names)
