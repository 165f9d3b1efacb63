from __future__ import annotations

import io
from pathlib import Path

import pytest

from pipeline.display import Display, Progress, duration, epoch_line
from schemas.events import EVENTS_VARIABLE, emit


def progress_event(done: int, process: int = 1, total: int | None = 100) -> dict[str, object]:
    return {
        "kind": "progress",
        "process": process,
        "label": "photos read",
        "done": done,
        "total": total,
        "unit": "photos",
    }


def test_rate_and_eta_come_from_the_last_seconds() -> None:
    progress = Progress("photos read")
    for second in range(5):
        progress.update(progress_event(10 * second), float(second))
    assert progress.line() == "photos read 40 of 100, 10 photos/s, 6.0 s left"


def test_old_speed_is_forgotten() -> None:
    progress = Progress("photos read")
    progress.update(progress_event(0), 0.0)
    progress.update(progress_event(50), 1.0)
    for second in range(2, 60):
        progress.update(progress_event(50 + second // 2), float(second))
    assert "photos/s" in progress.line()
    assert "0 photos/s" in progress.line()


def test_processes_that_share_the_work_are_summed() -> None:
    progress = Progress("photos read")
    progress.update(progress_event(10, process=1), 0.0)
    progress.update(progress_event(20, process=2), 1.0)
    assert progress.line().startswith("photos read 30 of 100")
    assert progress.is_open
    progress.update(progress_event(80, process=2), 2.0)
    progress.update(progress_event(20, process=1), 3.0)
    assert not progress.is_open


def test_unknown_total_gives_a_rate_and_no_eta() -> None:
    progress = Progress("photos read")
    progress.update(progress_event(0, total=None), 0.0)
    progress.update(progress_event(30, total=None), 2.0)
    assert progress.line() == "photos read 30, 15 photos/s"


@pytest.mark.parametrize(
    ("secs", "text"),
    [(0.04, "0.0 s"), (8.25, "8.2 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_read_as_people_say_them(secs: float, text: str) -> None:
    assert duration(secs) == text


def test_plain_stream_gets_notes_and_steps_in_order_without_control_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, stream = tmp_path / "events.jsonl", io.StringIO()
    monkeypatch.setenv(EVENTS_VARIABLE, str(events))
    with Display(stream, events) as display:
        display.begin_step(" 1/2 Read")
        emit("note", text="2 photos kept\n1 set aside")
        display.end_step(" 1/2 Read ran")
        display.say("done")
    assert stream.getvalue() == ("       2 photos kept\n       1 set aside\n 1/2 Read ran\ndone\n")


def test_epoch_line_names_stage_size_batch_and_figures() -> None:
    event = {
        "stage": 2,
        "stages": 3,
        "image_size_px": 96,
        "global_batch": 32,
        "epoch": 14.98,
        "train_loss": 1.23456,
        "val_top1": 0.5,
        "photos_per_sec": 1234.5,
        "data_wait_share": 0.02,
    }
    assert epoch_line(event) == (
        "stage 2/3  96 px  batch 32  epoch 15.0  loss 1.235  val top-1 50.0%  "
        "1,234 photos/s  data wait 2%"
    )
