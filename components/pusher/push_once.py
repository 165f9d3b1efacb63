"""A model put into a directory of numbered versions, whole, and not twice.

1. One pusher at a time works in a directory: a lock that ends with the process.
2. If the newest version holds the same model, that version is the answer and nothing is copied.
   Only the newest counts: it is the one that is served, so going back to an older model is a push.
3. The model is copied into a hidden directory beside, and renamed: a server that watches never
   sees half a version, and what a killed process left is removed by the next push.
4. The version is the time in seconds, or one more than the newest if that is not greater.

    pushed = push_once("model/Format-Serving", "serving/", fingerprint=..., now_secs=1700000000)
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from schemas.errors import DataError
from serving.versions import newest_version
from serving.whole_directory import whole_directory

LOCK_FILE = ".push.lock"


@dataclass(frozen=True)
class Pushed:
    """Where a model is served from.

    Attributes:
        path: the version directory.
        is_new: False if it was there before.
    """

    path: Path
    is_new: bool


def push_once(
    model_dir: str | PathLike[str],
    base: str | PathLike[str],
    *,
    fingerprint: Callable[[Path], str],
    now_secs: int,
) -> Pushed:
    """Returns the version of `base` that holds the model, pushed now or before.

    Args:
        model_dir: what to push.
        base: a local directory of versions; made if it is not there.
        fingerprint: identifies the model in a directory; raises DataError if there is none.
        now_secs: Unix time.

    Raises:
        DataError: if there is no model in `model_dir`.
    """
    source, target = Path(model_dir), Path(base)
    wanted = fingerprint(source)
    target.mkdir(parents=True, exist_ok=True)
    with _locked(target):
        newest = newest_version(target)
        if newest and _fingerprint_or_none(newest, fingerprint) == wanted:
            return Pushed(newest, is_new=False)
        number = max(now_secs, int(newest.name) + 1) if newest else now_secs
        version = target / str(number)
        _remove_leftovers(target)
        with whole_directory(version) as unfinished:
            shutil.copytree(source, unfinished, dirs_exist_ok=True)
    return Pushed(version, is_new=True)


def _fingerprint_or_none(version: Path, fingerprint: Callable[[Path], str]) -> str | None:
    """None for a version that is damaged or was put there by others: it is not our model."""
    try:
        return fingerprint(version)
    except DataError:
        return None


def _remove_leftovers(base: Path) -> None:
    for leftover in base.glob(".*.unfinished"):
        shutil.rmtree(leftover)


@contextmanager
def _locked(base: Path) -> Iterator[None]:
    with (base / LOCK_FILE).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
