from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tiny_history import tiny_rows

from components.progressive_trainer.tensorboard_log import TensorBoardLog

Points = list[tuple[int, float]]


def events(directory: Path) -> list[tf.compat.v1.Event]:
    """All events of a run, as TensorBoard reads them: file after file by name."""
    return [
        event
        for path in sorted(directory.glob("*tfevents*"))
        for event in tf.compat.v1.train.summary_iterator(str(path))
    ]


def points(directory: Path, tag: str) -> Points:
    return [
        (event.step, value.simple_value)
        for event in events(directory)
        for value in event.summary.value
        if value.tag == tag
    ]


def test_each_kind_is_a_run_over_photos_seen(tmp_path: Path) -> None:
    rows = tiny_rows(2)
    log = TensorBoardLog(tmp_path, rows[:3], began_secs=1000.0)
    for row in rows[3:]:
        log.write(row)
    log.close()

    assert {path.name for path in tmp_path.iterdir()} == {"steps", "epoch", "validation"}
    assert points(tmp_path / "steps", "loss") == [(50, 1.5), (100, 0.75)]
    assert points(tmp_path / "validation", "top5") == [(50, 0.75), (100, 0.75)]
    assert points(tmp_path / "epoch", "images_per_sec_per_device") == [(50, 12.5), (100, 12.5)]
    assert points(tmp_path / "steps", "image_size_px") == [(50, 32.0), (100, 32.0)]
    assert points(tmp_path / "validation", "data_wait_share") == []
    # Time runs on as if the run had never been stopped.
    assert [event.wall_time for event in events(tmp_path / "epoch")[2:]] == [1004.0, 1008.0]


def test_rows_are_there_to_be_looked_at_while_training_goes_on(tmp_path: Path) -> None:
    rows = tiny_rows(1)
    log = TensorBoardLog(tmp_path, rows[:1], began_secs=0.0)
    assert len(points(tmp_path / "steps", "loss")) == 1
    log.write(rows[1])
    assert len(points(tmp_path / "epoch", "loss")) == 1


def test_run_that_goes_on_has_every_point_once_and_purges_what_was_read(tmp_path: Path) -> None:
    rows = tiny_rows(3)
    killed = TensorBoardLog(tmp_path, [], began_secs=0.0)
    for row in rows[:6]:
        killed.write(row)

    resumed = TensorBoardLog(tmp_path, rows[:3], began_secs=0.0)  # its checkpoint knows three
    for row in rows[3:]:
        resumed.write(row)

    assert [step for step, _ in points(tmp_path / "steps", "loss")] == [50, 100, 150]
    version, mark = events(tmp_path / "steps")[:2]
    assert version.file_version == "brain.Event:2"
    assert (mark.step, mark.session_log.status) == (0, tf.compat.v1.SessionLog.START)
