"""The directory of an export: whole or not there.

Laws: an export is written to a hidden directory beside its place and renamed when it is whole, so
a killed build leaves no half export; what it left is cleared by the next one. Two builds of one
export at a time are refused.

    with partial_directory(Path("ladybirds")) as directory:
        ...                                  # write into it; renamed to "ladybirds" at the end
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import ConfigError
from schemas.photo_store import PHOTOS_FOLDER


@contextmanager
def partial_directory(out: Path) -> Iterator[Path]:
    """Yields an empty directory that becomes `out` at the end, if nothing is raised.

    Args:
        out: not there, or an empty directory.

    Raises:
        ConfigError: if `out` holds something, or is being built by another process.
    """
    require_free(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    directory = out.parent / f".{out.name}.partial"
    directory.mkdir(exist_ok=True)
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(lock, out)
        _clear(directory)
        try:
            yield directory
            directory.rename(out)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
    finally:
        os.close(lock)


def require_free(out: Path) -> None:
    """Raises:
    ConfigError: if `out` is neither missing nor an empty directory.
    """
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() or out.is_symlink():
        what = "a directory that holds other things" if out.is_dir() else "a file"
        raise ConfigError(
            f"{str(out)!r} is {what}, and no export that build-export made. "
            "Give another directory for the export, or move what is there."
        )


def link_photos(directory: Path, photos: Path) -> None:
    """Makes `directory`/photos a link to a store of photos, so that exports share it.

    The link is relative if both have a folder in common, so that the folder can be moved.

    Args:
        directory: an export, or the hidden directory beside its place.
        photos: the store.
    """
    link, target = directory / PHOTOS_FOLDER, photos.resolve()
    base = directory.parent.resolve() / directory.name
    if os.path.commonpath([base, target]) != os.path.sep:
        target = Path(os.path.relpath(target, base))
    link.symlink_to(target, target_is_directory=True)


def _lock(descriptor: int, out: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ConfigError(
            f"The export {str(out)!r} is being built by another process. Wait until it is done, "
            "or give another directory."
        ) from error


def _clear(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
