"""Where things may lie beside local directories: the one place that knows of object stores.

gs:// is built into TensorFlow and works. s3:// and minio:// are not, in the TensorFlow that is
locked, and Beam knows s3:// only with boto3: they are refused with what to do instead. Mounted
buckets and volumes are local directories to everything here.

    fetch("gs://museum/exports/2026-06", Path("exports/1"))   # a local copy, to be gone on with
    publish(Path("pushed/saved_model/1700000000"), "gs://museum/models")
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError, DataError

SCHEMES = ("gs://",)
"""Stores that are read and written directly."""

SEPARATOR = "://"
LAST_WRITTEN = ("saved_model.pb", "manifest.json")
"""Whoever watches a store for a new version looks for these: the rest is there before them."""


def is_remote(place: str) -> bool:
    """Returns whether a place is a URI, and no local directory.

    Raises:
        ConfigError: if it is a URI of a store that is not supported.
    """
    if SEPARATOR not in place:
        return False
    if not place.startswith(SCHEMES):
        raise ConfigError(
            f"{place} is in a store that TensorFlow does not read. Allowed: local directories, "
            f"{', '.join(SCHEMES)}. Mount the bucket (Kubernetes: a volume of its CSI driver) or "
            "copy with the store's own tool, and give the directory."
        )
    return True


def fetch(uri: str, into: Path) -> Path:
    """Copies a directory of a store, and returns the copy.

    What is there already with the same size is not copied again, so a broken copy is gone on with.

    Args:
        uri: of the directory.
        into: local directory; made if it is not there.

    Raises:
        ConfigError: if the store is not supported.
        DataError: if nothing lies there, or it cannot be read.
    """
    import tensorflow as tf

    is_remote(uri)
    count = 0
    try:
        for inner in _files(tf.io.gfile, uri):
            count += 1
            source, target = f"{uri.rstrip('/')}/{inner}", into / inner
            if target.is_file() and target.stat().st_size == tf.io.gfile.stat(source).length:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            half = target.with_name(f".{target.name}.unfinished")
            tf.io.gfile.copy(source, str(half), overwrite=True)
            half.rename(target)
    except tf.errors.OpError as error:
        raise DataError(
            uri, problem=f"cannot be read: {error.message}.", remedy="Look at the rights to it."
        ) from error
    if not count:
        raise DataError(uri, problem="holds nothing.", remedy="Look for a typing mistake.")
    return into


def publish(version: Path, base_uri: str) -> str:
    """Copies a pushed version into a store, unless it is there; returns its URI.

    A store cannot rename a directory, so the file that makes a version one is written last.

    Args:
        version: a numbered directory.
        base_uri: the versions' place in the store.

    Raises:
        ConfigError: if the store is not supported.
        DataError: if it cannot be written.
    """
    import tensorflow as tf

    is_remote(base_uri)
    target = f"{base_uri.rstrip('/')}/{version.name}"
    files = sorted(path.relative_to(version) for path in version.rglob("*") if path.is_file())
    last = [path for path in files if str(path) in LAST_WRITTEN]
    try:
        if last and tf.io.gfile.exists(f"{target}/{last[0]}"):
            return target
        for path in [path for path in files if path not in last] + last:
            place = f"{target}/{path}"
            tf.io.gfile.makedirs(place.rpartition("/")[0])
            tf.io.gfile.copy(str(version / path), place, overwrite=True)
    except tf.errors.OpError as error:
        raise DataError(
            target, problem=f"cannot be written: {error.message}.", remedy="Look at the rights."
        ) from error
    return target


def local_directory(place: str, into: Path) -> Path:
    """Returns a directory to read: the place itself, or a copy of it.

    Args:
        place: local directory, or URI.
        into: for the copy.
    """
    return fetch(place, into) if is_remote(place) else Path(place)


def _files(gfile: Any, uri: str) -> Iterator[str]:
    """Paths under a URI, relative to it."""
    base = uri.rstrip("/")
    for directory, _, names in gfile.walk(base):
        for name in names:
            inside = directory.rstrip("/")[len(base) :].strip("/")
            yield f"{inside}/{name}" if inside else name
