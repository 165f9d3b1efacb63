from __future__ import annotations

from pathlib import Path

import pytest

from serving.versions import newest_version, versions
from serving.whole_directory import whole_directory


def test_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "out"

    with whole_directory(target) as unfinished:
        (unfinished / "file").write_text("x")
        assert not target.exists()

    assert (target / "file").read_text() == "x"
    assert [path.name for path in target.parent.iterdir()] == ["out"]


def test_error_leaves_what_stood_there(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").touch()

    def fail() -> None:
        with whole_directory(target) as unfinished:
            (unfinished / "new").touch()
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()

    assert [path.name for path in tmp_path.rglob("*")] == ["out", "old"]


def test_what_stood_there_is_replaced_and_leftovers_removed(tmp_path: Path) -> None:
    target, leftover = tmp_path / "out", tmp_path / ".out.unfinished"
    for directory in (target, leftover):
        directory.mkdir()
        (directory / "old").touch()

    with whole_directory(target) as unfinished:
        (unfinished / "new").touch()

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["new", "out"]


def test_versions_are_numbers_newest_first(tmp_path: Path) -> None:
    for name in ("9", "10", "notes", ".11.unfinished", "1.5"):
        (tmp_path / name).mkdir()
    (tmp_path / "12").touch()

    assert [path.name for path in versions(tmp_path)] == ["10", "9"]
    assert newest_version(tmp_path) == tmp_path / "10"
    assert newest_version(tmp_path / "9") is None
    assert newest_version(tmp_path / "gone") is None
