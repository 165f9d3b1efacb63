"""A machine that is asked to stop or dies, and the run that is started again after it."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_cluster
from tiny_cluster import ended, largest_difference, log_of, start, write_job

from components.progressive_trainer import worker
from components.progressive_trainer.job import (
    ERROR_FILE,
    RESUME_EXIT_CODE,
    USER_ERROR_EXIT_CODE,
    TrainingJob,
)


@pytest.mark.usefixtures("thin_network")
def test_machines_that_were_stopped_and_lost_end_as_one_that_never_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tiny_cluster.write_photos(tmp_path / "photos")
    alone, job = (
        write_job(tmp_path / name, photos, tiny_cluster.job_settings()) for name in ("one", "two")
    )
    # One of two machines is asked to stop; all stop together. They read together at the end of
    # the stage, four steps long, and leave its validation to the next run.
    codes = ended(start(job, workers=2, acts={1: "2:term"}))
    assert codes == [RESUME_EXIT_CODE] * 2, log_of(job)
    assert checkpoints(job) == ["examples-000000000000016"]

    # They go on together, and one of them dies after the first step of the second stage.
    codes = ended(start(job, workers=2, acts={1: "1:kill"}))

    assert codes == [USER_ERROR_EXIT_CODE, -9], log_of(job)
    assert (
        (job.parent / ERROR_FILE)
        .read_text()
        .startswith(
            "Training on 2 machines ended, because one of the others is gone or has ended with an "
            "error: its own log says why. Start all of them again to go on from the last "
            "checkpoint. (TensorFlow: "
        )
    )
    assert checkpoints(job) == ["examples-000000000000016"]

    assert ended(start(job, workers=2)) == [0, 0], log_of(job)
    monkeypatch.setattr(worker, "export_saved_model", lambda *_, **__: None)
    worker.train(TrainingJob.read(alone))
    assert largest_difference(job, alone) < 1e-5


def checkpoints(job: Path) -> list[str]:
    return sorted(path.name for path in (job.parent / "checkpoints").glob("examples-*"))


def test_batch_that_does_not_divide_is_refused_on_all_machines(
    tmp_path: Path,
) -> None:
    photos = tiny_cluster.write_photos(tmp_path / "photos")
    job = write_job(tmp_path / "odd", photos, tiny_cluster.job_settings(eval_batch=7))

    assert ended(start(job, workers=2)) == [USER_ERROR_EXIT_CODE] * 2

    for name in ("error.txt", "error-of-worker-1.txt"):
        assert (job.parent / name).read_text() == (
            "trainer.eval_batch: a global batch must divide among 2 replicas. Received: 7. "
            "Use 6 or 8."
        )
