"""SIGTERM to a process that trains by itself; `test_machine_lost` has that to one of two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_cluster
from tiny_cluster import ended, log_of, start, write_job

from components.progressive_trainer.job import RESUME_EXIT_CODE
from components.progressive_trainer.remembered_counts import COUNTS_FILE


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cluster.write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def alone(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Asked to stop after its third step."""
    job = write_job(tmp_path_factory.mktemp("a") / "alone", photos, tiny_cluster.job_settings())
    assert ended(start(job, acts={0: "3:term"})) == [RESUME_EXIT_CODE], log_of(job)
    return job


def checkpoints(job: Path) -> list[str]:
    return sorted(path.name for path in (job.parent / "checkpoints").glob("examples-*"))


def test_process_asked_to_stop_writes_where_it_is_and_says_so(alone: Path) -> None:
    assert checkpoints(alone) == ["examples-000000000000012"]
    assert (
        "Training was asked to stop, and did after photo 12 of the run. A checkpoint of that place "
        "is written; started again with the same settings, training goes on. Exit code 75."
    ) in log_of(alone)


def test_photos_counted_by_then_are_not_counted_by_the_next_start(alone: Path) -> None:
    remembered = json.loads((alone.parent / "checkpoints" / COUNTS_FILE).read_text())
    by_what = {key.split(" ")[0]: counted for key, counted in remembered.items()}
    assert by_what.keys() == {"labels", "photos"}
    assert sum(by_what["labels"]) == tiny_cluster.TRAIN_PHOTOS
    assert by_what["photos"] == tiny_cluster.VAL_PHOTOS
