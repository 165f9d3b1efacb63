"""A directory that appears whole, takes another's place whole, and goes whole.

The law: at any moment, a power cut included, what lies under a name is a whole directory or
nothing. What is written, what makes room and what is deleted have names of their own meanwhile:

    writing-*     being written
    replaced-*    makes room for one that is written; put back where that did not come
    leaving-*     being deleted

    writing = new_directory(parent)
    (writing / "state.json").write_text(...)
    put(writing, parent / "examples-51200")     # safe on disk from here on
    remove(parent / "examples-900")
    clear(parent)                               # after a kill, before anything else

One process at a time works on a parent.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

_WRITING, _REPLACED, _LEAVING = "writing-", "replaced-", "leaving-"
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP)


def new_directory(parent: Path) -> Path:
    """Returns a new, empty directory to write into."""
    writing = parent / f"{_WRITING}{os.getpid()}"
    writing.mkdir()
    return writing


def put(writing: Path, target: Path) -> None:
    """Moves a written directory to its place, and deletes what lay there.

    Args:
        writing: from `new_directory`, with files and no directories in it.
        target: its place, beside it.
    """
    for path in (*writing.iterdir(), writing):
        _sync(path)
    replaced = target.with_name(f"{_REPLACED}{target.name}")
    if target.exists():
        target.rename(replaced)
    writing.rename(target)
    _sync(target.parent)
    if replaced.exists():
        remove(replaced)


def remove(directory: Path) -> None:
    """Deletes a directory: nobody sees half of it."""
    leaving = directory.with_name(f"{_LEAVING}{directory.name}")
    directory.rename(leaving)
    shutil.rmtree(leaving)


def clear(parent: Path) -> None:
    """Deletes what a killed process was writing or deleting, and puts back what made room."""
    for replaced in parent.glob(f"{_REPLACED}*"):
        target = parent / replaced.name.removeprefix(_REPLACED)
        if target.exists():
            remove(replaced)
        else:
            replaced.rename(target)
    for pattern in (_WRITING, _LEAVING):
        for left_over in parent.glob(f"{pattern}*"):
            shutil.rmtree(left_over)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems sync files and know no such thing of directories.
        if not path.is_dir() or error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)
