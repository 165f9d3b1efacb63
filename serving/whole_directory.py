"""A directory that appears whole or not at all.

with whole_directory("out/model") as unfinished:
    write_everything(unfinished)
# out/model is there now, and only now
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path


@contextmanager
def whole_directory(target: str | PathLike[str]) -> Iterator[Path]:
    """Yields an empty directory beside `target`, which becomes `target` when the block ends.

    When the block raises, nothing is left; when the process dies, a hidden directory is, and the
    next attempt removes it. What stood at `target` before is replaced.

    Args:
        target: a local directory; its parents are made.
    """
    final = Path(target)
    unfinished = final.with_name(f".{final.name}.unfinished")
    _remove(unfinished)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
    except BaseException:
        _remove(unfinished)
        raise
    _remove(final)
    unfinished.rename(final)


def _remove(directory: Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)
