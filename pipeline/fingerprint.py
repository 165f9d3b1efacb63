"""What an export looks like from outside: a hash that changes when any of its files does.

Split files and taxonomy count by content, photos by size and time of change. A step is cached as
long as the fingerprint is the same.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from schemas.photo_store import PhotoStore
from schemas.source import Source

_CHUNK_BYTES = 1 << 20


def export_fingerprint(export: Source, *, photo_size: str) -> str:
    """Returns 16 hex digits over an export.

    Args:
        export: the export.
        photo_size: iNaturalist's size that is read.

    Raises:
        DataError: if a file cannot be read.
    """
    digest = hashlib.sha256()
    for path in export.files:
        digest.update(path.name.encode())
        _update(digest, path)
    store = PhotoStore(export.directory, photo_size)
    digest.update(store.fingerprint(export.photo_keys()).encode())
    return digest.hexdigest()[:16]


def _update(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
