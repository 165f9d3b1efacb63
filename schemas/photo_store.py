"""Where the photos of an export lie on disk, found by photo id.

A store holds up to tens of millions of files, so a lookup never lists the store: it tries the
likeliest path first and looks into that one photo's folder next. Three layouts are read:

    photos/<photo_id>/<size>.<ext>              "id", as in iNaturalist's open data
    photos/<h[0:2]>/<h[2:4]>/<photo_id>.jpg     "sha256", h = hex sha256 of the id as text; the
                                                layout of iNaturalist's own vision tools
    <filename>                                  a column of the split files, the export's
                                                directory being its base (2018-2021)

    store = PhotoStore("vision-export", size="medium")
    store.find(700000001, "jpg")        # Path of the file, or None
    store.fingerprint(keys)             # changes when any of the photos is replaced
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Literal, NamedTuple

from schemas.errors import ConfigError, DataError, did_you_mean

SIZES = ("original", "large", "medium", "small", "thumb", "square")
"""iNaturalist's sizes, largest first: 2048, 1024, 500, 240, 100 px long edge; 75x75 px."""

EXTENSIONS = ("jpg", "jpeg", "png", "gif")
"""Extensions that iNaturalist publishes photos under; they occur in any case."""

PHOTOS_FOLDER = "photos"

Layout = Literal["id", "sha256"]

_CHUNK_PHOTOS = 2048
"""Photos looked up by one task of `fingerprint`: enough to make the hand-over cheap."""

_MISSING = (-1, -1)


class PhotoKey(NamedTuple):
    """What a split file says about where a photo is."""

    photo_id: int
    extension: str | None = None
    filename: str | None = None


class PhotoStore:
    """The photos of one export.

    Args:
        directory: the export; photos lie in its folder `photos`.
        size: the size wanted where a photo is there in several. Without it the next larger one
            is taken, and failing that the next smaller one.

    Raises:
        ConfigError: if iNaturalist has no such size.
    """

    def __init__(self, directory: str | PathLike[str], size: str = "medium") -> None:
        self.directory = Path(directory)
        self.size = size
        self._root = os.fspath(directory)
        self._photos = os.path.join(self._root, PHOTOS_FOLDER)
        self._size_order = {name: place for place, name in enumerate(_preference(size))}

    def find(
        self, photo_id: int, hint_extension: str | None = None, filename: str | None = None
    ) -> Path | None:
        """Returns the file of a photo, or None if the store does not hold it.

        Args:
            photo_id: iNaturalist's id.
            hint_extension: extension the photo was published under, without the dot; tried first.
            filename: the split file's own word on where the photo is; it goes before any layout.

        Raises:
            DataError: if the store forbids looking (permissions, a failing disk).
        """
        found = self._locate(PhotoKey(photo_id, hint_extension, filename))
        return None if found is None else Path(found[0])

    def path_for(self, photo_id: int, extension: str = "jpg", layout: Layout = "id") -> Path:
        """Returns where to write a photo of the store's size; `find` will look there.

        The sha256 layout always ends in .jpg, whatever the photo is: the tools that read it build
        the path from the id alone.
        """
        if layout == "sha256":
            return Path(self._sha256_folder(photo_id), f"{photo_id}.jpg")
        return Path(self._photos, str(photo_id), f"{self.size}.{extension}")

    def fingerprint(self, photos: Iterable[PhotoKey], *, jobs: int = 4) -> str:
        """Returns 64 hex digits over (photo id, size, modification time) of each photo, in order.

        A photo that is missing counts too, so that fetching it changes the fingerprint. A photo
        replaced by one of equal size *and* modification time goes unnoticed: contents are not
        read. Streams: memory does not grow with the number of photos.

        Args:
            photos: the photos, in an order that is the same each time.
            jobs: threads that look at the disk; more pay on network file systems.
        """
        digest = hashlib.sha256()
        with ThreadPoolExecutor(jobs) as pool:
            waiting: deque[Future[bytes]] = deque()
            for chunk in _chunks(photos, _CHUNK_PHOTOS):
                waiting.append(pool.submit(self._describe, chunk))
                if len(waiting) > 2 * jobs:
                    digest.update(waiting.popleft().result())
            while waiting:
                digest.update(waiting.popleft().result())
        return digest.hexdigest()

    def _describe(self, photos: list[PhotoKey]) -> bytes:
        """Returns three little-endian int64 a photo: id, size in bytes, modification time in ns."""
        facts: list[int] = []
        for photo in photos:
            found = self._locate(photo)
            size, mtime = _MISSING if found is None else (found[1].st_size, found[1].st_mtime_ns)
            facts += (photo.photo_id, size, mtime)
        return struct.pack(f"<{len(facts)}q", *facts)

    def _locate(self, photo: PhotoKey) -> tuple[str, os.stat_result] | None:
        """Looks in the order: filename, the likeliest file, the photo's folder, sha256."""
        photo_id, extension, filename = photo
        if filename and (found := _file(os.path.join(self._root, filename))):
            return found
        folder = f"{self._photos}/{photo_id}"
        if extension and (found := _file(f"{folder}/{self.size}.{extension}")):
            return found
        return self._in_own_folder(folder) or self._in_sha256(photo_id, extension)

    def _in_own_folder(self, folder: str) -> tuple[str, os.stat_result] | None:
        best: tuple[tuple[int, int, str], str] | None = None
        for name in _names(folder):
            size, _, extension = name.partition(".")
            kind = extension.lower()
            if size not in self._size_order or kind not in EXTENSIONS:
                continue
            rank = (self._size_order[size], EXTENSIONS.index(kind), name)
            if best is None or rank < best[0]:
                best = (rank, f"{folder}/{name}")
        return None if best is None else _file(best[1])

    def _in_sha256(self, photo_id: int, extension: str | None) -> tuple[str, os.stat_result] | None:
        folder = self._sha256_folder(photo_id)
        hints = (extension,) if extension else ()
        for ending in dict.fromkeys((*hints, *EXTENSIONS, *(e.upper() for e in EXTENSIONS))):
            if found := _file(f"{folder}/{photo_id}.{ending}"):
                return found
            if not os.access(folder, os.F_OK):
                return None
        return None

    def _sha256_folder(self, photo_id: int) -> str:
        digest = hashlib.sha256(str(photo_id).encode()).hexdigest()
        return f"{self._photos}/{digest[:2]}/{digest[2:4]}"


def _preference(size: str) -> tuple[str, ...]:
    """Returns the sizes in the order to take them: wanted, larger (nearest first), smaller."""
    if size not in SIZES:
        raise ConfigError(
            f"Unknown photo size. Allowed: {', '.join(SIZES)}. Received: {size!r}."
            f"{did_you_mean(size, SIZES)}"
        )
    place = SIZES.index(size)
    return (size, *reversed(SIZES[:place]), *SIZES[place + 1 :])


def _file(path: str) -> tuple[str, os.stat_result] | None:
    """Returns the path and its facts if a regular file is there."""
    try:
        facts = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(path, error) from error
    return (path, facts) if stat.S_ISREG(facts.st_mode) else None


def _names(folder: str) -> list[str]:
    # access() answers without an exception, which halves the cost of the sha256 layout. It also
    # says no where looking is forbidden; the stat of the next candidate then raises that.
    if not os.access(folder, os.F_OK):
        return []
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(path: str, error: OSError) -> DataError:
    return DataError(
        path,
        problem=f"cannot be looked at: {error.strerror}.",
        remedy="Check the permissions of the photos and the health of their disk.",
    )


def _chunks(photos: Iterable[PhotoKey], size: int) -> Iterator[list[PhotoKey]]:
    iterator = iter(photos)
    while chunk := list(islice(iterator, size)):
        yield chunk
