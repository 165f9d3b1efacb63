"""Zip files that depend on their content alone: no clock, no compression library, no user.

Entries are stored, not compressed: weights hardly shrink, and what a compressor makes of them
differs from version to version.

    write_zip("fieldmark-owls-1a2b.zip", Path("fieldmark-owls-1a2b"))
"""

from __future__ import annotations

import io
import shutil
import zipfile
import zlib
from pathlib import Path

from schemas.errors import DataError
from serving.mobile_files import LABELS_FILE

_FIRST_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can say."""

_READABLE = 0o644 << 16
_REMEDY = "Export the mobile bundle again."

_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a compression that zipfile does not know
    RuntimeError,  # encrypted
    ValueError,  # not UTF-8
)


def entry(name: str) -> zipfile.ZipInfo:
    """Returns the entry of a file, stored, without the time."""
    info = zipfile.ZipInfo(name, _FIRST_DATE)
    info.external_attr, info.create_system = _READABLE, 3
    return info


def write_zip(path: Path, directory: Path) -> None:
    """Writes a directory's files into a zip, in a folder of the directory's name.

    Args:
        path: of the zip.
        directory: of files alone.
    """
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(directory.iterdir()):
            info = entry(f"{directory.name}/{file.name}")
            info.file_size = file.stat().st_size  # above 2 GB the entry takes another form
            with file.open("rb") as source, packed.open(info, "w") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)


def labels_inside(content: bytes, *, name: str = "model") -> list[str] | None:
    """Returns the labels appended to a `.tflite`, see `tflite_metadata`; None if there are none.

    Args:
        content: of the file.
        name: what messages call it.

    Raises:
        DataError: if what is appended is another zip, or a broken one.
    """
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as appended:
            return appended.read(LABELS_FILE).decode("utf-8").splitlines()
    except KeyError as error:
        raise DataError(
            name, problem=f"has a zip appended that holds no {LABELS_FILE}.", remedy=_REMEDY
        ) from error
    except _UNREADABLE as error:
        raise DataError(
            name,
            problem=f"has a zip appended whose {LABELS_FILE} cannot be read: {error}.",
            remedy=_REMEDY,
        ) from error
