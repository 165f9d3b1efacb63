"""A resumed run does not read all its records to count them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_training import write_records

from components.progressive_trainer import remembered_counts
from components.progressive_trainer.remembered_counts import COUNTS_FILE, RememberedCounts

LABELS = [4, 0, 0, 2, 4]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    return write_records(tmp_path, LABELS, files=2)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was counted by a pass over the files, in order."""
    made: list[str] = []

    def watched(name: str) -> None:
        count = getattr(remembered_counts, name)

        def counting(files: Sequence[str]) -> Any:
            made.append(name)
            return count(files)

        monkeypatch.setattr(remembered_counts, name, counting)

    watched("count_photos")
    watched("count_labels")
    return made


def test_second_start_counts_nothing(files: list[str], tmp_path: Path, passes: list[str]) -> None:
    for _ in range(2):
        counts = RememberedCounts(tmp_path / "checkpoints", writes=True)
        assert counts.photos(files) == 5
        assert counts.labels(files).tolist() == [2, 0, 1, 0, 2]
        assert counts.photos(files[:1]) == 3

    assert passes == ["count_photos", "count_labels", "count_photos"]
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == [COUNTS_FILE]


def test_file_that_was_written_anew_is_counted_anew(
    files: list[str], tmp_path: Path, passes: list[str]
) -> None:
    counts = RememberedCounts(tmp_path, writes=True)
    counts.photos(files)
    os.utime(files[0], ns=(1, 1))

    assert counts.photos(files) == 5
    assert passes == ["count_photos"] * 2

    write_records(tmp_path, [*LABELS, 1], files=2)
    assert counts.photos(files) == 6


def test_other_machines_read_and_write_nothing(
    files: list[str], tmp_path: Path, passes: list[str]
) -> None:
    chief, other = (
        RememberedCounts(tmp_path / "shared", writes=writes) for writes in (True, False)
    )

    assert other.photos(files) == 5
    assert not (tmp_path / "shared").exists()
    chief.photos(files)
    assert other.photos(files) == 5
    assert passes == ["count_photos"] * 2
