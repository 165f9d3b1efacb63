from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.progressive_trainer import whole_directory
from components.progressive_trainer.whole_directory import clear, new_directory, put, remove


class Killed(BaseException):
    """Stands for SIGKILL."""


def write(parent: Path, text: str) -> Path:
    writing = new_directory(parent)
    for name in ("first", "second"):
        (writing / name).write_text(text)
    return writing


def read(directory: Path) -> list[str]:
    return sorted(path.read_text() for path in directory.iterdir())


def names(parent: Path) -> list[str]:
    return sorted(path.name for path in parent.iterdir())


def killed_in(call: int, of: Callable[..., Any]) -> Callable[..., Any]:
    """`of`, but the process is killed in that call of it, 1 for the first: half is done then."""
    calls = 0

    def method(path: Path, *rest: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            if of is shutil.rmtree:
                next(path.iterdir()).unlink()
            raise Killed
        return of(path, *rest)

    return method


def test_directory_takes_the_place_of_another(tmp_path: Path) -> None:
    put(write(tmp_path, "old"), tmp_path / "place")
    put(write(tmp_path, "new"), tmp_path / "place")

    assert names(tmp_path) == ["place"]
    assert read(tmp_path / "place") == ["new", "new"]


# Renamed are the old one, the new one, and the old one again before it is deleted.
@pytest.mark.parametrize(
    ("step", "call", "kept"),
    [
        ("rename", 1, "old"),
        ("rename", 2, "old"),
        ("rename", 3, "new"),
        ("rmtree", 1, "new"),
    ],
)
def test_kill_while_a_directory_is_replaced_leaves_the_old_or_the_new_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, call: int, kept: str
) -> None:
    place = tmp_path / "place"
    put(write(tmp_path, "old"), place)
    writing = write(tmp_path, "new")

    holder: Any = Path if step == "rename" else whole_directory.shutil
    with monkeypatch.context() as patch:
        patch.setattr(holder, step, killed_in(call, getattr(holder, step)))
        with pytest.raises(Killed):
            put(writing, place)
    if place.exists():
        assert len(read(place)) == 2
    clear(tmp_path)

    assert names(tmp_path) == ["place"]
    assert read(place) == [kept, kept]


def test_kill_while_a_directory_is_deleted_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    put(write(tmp_path, "old"), place)

    with monkeypatch.context() as patch:
        patch.setattr(whole_directory.shutil, "rmtree", killed_in(1, shutil.rmtree))
        with pytest.raises(Killed):
            remove(place)

    assert names(tmp_path) == ["leaving-place"]
    clear(tmp_path)
    assert names(tmp_path) == []


def test_files_are_on_disk_before_the_directory_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    rename = Path.rename

    def sync(descriptor: int) -> None:
        done.append("sync " + Path(f"/proc/self/fd/{descriptor}").readlink().name)

    def renaming(path: Path, target: Path) -> Path:
        done.append("rename")
        return rename(path, target)

    writing = write(tmp_path, "new")
    monkeypatch.setattr(whole_directory.os, "fsync", sync)
    monkeypatch.setattr(Path, "rename", renaming)

    put(writing, tmp_path / "place")

    assert sorted(done[:2]) == ["sync first", "sync second"]
    assert done[2:] == [f"sync {writing.name}", "rename", f"sync {tmp_path.name}"]


@pytest.mark.parametrize(
    ("of_directories", "number", "fails"),
    [(True, errno.EINVAL, False), (True, errno.EIO, True), (False, errno.EINVAL, True)],
)
def test_only_a_file_system_that_cannot_sync_directories_is_excused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    of_directories: bool,
    number: int,
    fails: bool,
) -> None:
    def sync(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir() == of_directories:
            raise OSError(number, os.strerror(number))

    writing = write(tmp_path, "new")
    monkeypatch.setattr(whole_directory.os, "fsync", sync)

    if fails:
        with pytest.raises(OSError, match=os.strerror(number)):
            put(writing, tmp_path / "place")
    else:
        put(writing, tmp_path / "place")
    assert (tmp_path / "place").exists() != fails
