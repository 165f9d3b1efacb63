"""What the names, first lines and first keys of files say about the format of an export.

formats_in(Path("inaturalist-open-data-20250127"))      # ['open-data']
file_format(Path("observations-512.csv.zip"))           # 'observations-csv'
"""

from __future__ import annotations

import csv
import gzip
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from schemas.errors import DataError
from schemas.record import SPLITS
from schemas.source import Format
from schemas.vision_export import TAXONOMY_FILES, split_file

_HEAD_BYTES = 1 << 16
"""Looked at of a file: all of a header, and in a competition's JSON the key of the first array."""

_FIRST_KEY = re.compile(rb'"(?:images|annotations)"\s*:\s*\[')
_DUMP = re.compile(r"inaturalist-open-data-.*\.(tar\.gz|tgz|tar)")

_OPEN_DATA_TABLES = ("observations.csv", "observations.csv.gz")
_SITE_COLUMNS = {"id", "image_url"}
_DARWIN_CORE_FILES = {"observations.csv", "media.csv"}


def formats_in(directory: Path) -> list[Format]:
    """Returns the formats of which a complete export lies in a directory, in a fixed order.

    Raises:
        DataError: if a file that might tell cannot be read.
    """
    paths = [path for path in sorted(directory.iterdir()) if path.is_file()]
    names = {path.name for path in paths}
    found: set[Format | None] = {file_format(path) for path in paths}
    if not names.isdisjoint(TAXONOMY_FILES) and split_file("train") in names:
        found.add("vision")
    if _is_darwin_core(names):
        # Its own table of observations has the columns of no other format, but may have more.
        found.discard("observations-csv")
        found.add("darwin-core")
    return [name for name in get_args(Format) if name in found]


def file_format(path: Path) -> Format | None:
    """Returns the format that a single file is a whole export of, or None.

    Raises:
        DataError: if it cannot be read.
    """
    name = path.name.lower()
    if _DUMP.fullmatch(name):
        return "open-data"
    try:
        if name.endswith(".json"):
            return "competition" if _is_competition(path) else None
        if name.endswith(".zip"):
            return _zip_format(path)
        if name.endswith((".tar.gz", ".tgz", ".tar")):
            return "open-data" if _is_dump(path) else None
        if name.endswith((".csv", ".csv.gz")):
            return _table_format(name, _head(path))
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except (EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
        raise _unreadable(path, str(error)) from error
    return None


def is_part_of_vision_export(directory: Path) -> bool:
    """Returns whether a directory has some file that only a vision export has."""
    if any((directory / split_file(split)).is_file() for split in SPLITS):
        return True
    taxonomies = (directory / name for name in TAXONOMY_FILES)
    return any("leaf_class_id" in _cells(_head(path)) for path in taxonomies if path.is_file())


def near_miss(path: Path) -> str:
    """Returns what a table lacks to be an export, "" if there is no such table."""
    paths = sorted(path.iterdir()) if path.is_dir() else [path]
    for table in paths:
        if not table.is_file() or not table.name.lower().endswith(".csv"):
            continue
        cells = _cells(_head(table))
        if "id" in cells and {"quality_grade", "scientific_name"} & set(cells):
            return (
                f"{table.name} looks like an observations CSV without the column image_url: "
                "export it again with that column."
            )
        if "photo_uuid" in cells or "ancestry" in cells:
            return (
                f"{table.name} looks like a table of the Open Data dump: put its observations.csv, "
                "photos.csv and taxa.csv into one directory and give that."
            )
    return ""


def _is_darwin_core(names: Iterable[str]) -> bool:
    return "meta.xml" in names or _DARWIN_CORE_FILES.issubset(names)


def _is_competition(path: Path) -> bool:
    head = _head(path).removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(b"{") and _FIRST_KEY.search(head) is not None


def _is_dump(path: Path) -> bool:
    """Looks at the first entry only: the dump has tens of gigabytes."""
    with tarfile.open(path, "r|*") as archive:
        first = archive.next()
    return first is not None and first.name.lstrip("./").startswith("inaturalist-open-data-")


def _zip_format(path: Path) -> Format | None:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if _is_darwin_core({name.rpartition("/")[2] for name in names}):
            return "darwin-core"
        for name in names:
            if name.lower().endswith(".csv"):
                with archive.open(name) as table:
                    head = table.read(_HEAD_BYTES)
                if _table_format(name.rpartition("/")[2].lower(), head) == "observations-csv":
                    return "observations-csv"
    return None


def _table_format(name: str, head: bytes) -> Format | None:
    line = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
    if b"\t" in line:
        is_open_data = name in _OPEN_DATA_TABLES and line.startswith(b"observation_uuid\t")
        return "open-data" if is_open_data else None
    return "observations-csv" if _SITE_COLUMNS.issubset(_cells(head)) else None


def _cells(head: bytes) -> list[str]:
    """Returns the cells of a header, parted by commas or tabs, perhaps quoted."""
    line = head.decode("utf-8-sig", errors="replace").partition("\n")[0].rstrip("\r")
    return next(csv.reader([line], delimiter="\t" if "\t" in line else ","), [])


def _head(path: Path) -> bytes:
    if path.name.lower().endswith(".gz"):
        with gzip.open(path) as unpacked:
            return unpacked.read(_HEAD_BYTES)
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _unreadable(path: Path, reason: str) -> DataError:
    return DataError(
        path,
        problem=f"cannot be read: {reason}.",
        remedy="Check its permissions, and that it was fetched whole.",
    )
