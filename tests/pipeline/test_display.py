from __future__ import annotations

import io
from pathlib import Path

import pytest

from pipeline.display import (
    Display,
    Progress,
    epoch_line,
    live_text,
    open_lines,
    training_text,
)
from schemas.duration import duration
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


def test_work_done_once_more_has_the_rate_of_this_time() -> None:
    progress = Progress("validating")
    progress.update(progress_event(0), 0.0)
    progress.update(progress_event(100), 1.0)
    progress.update(progress_event(10), 2.0)
    progress.update(progress_event(20), 4.0)
    assert progress.line() == "validating 20 of 100, 5 photos/s, 16 s left"


def training_event(done: int, **details: object) -> dict[str, object]:
    stage = {"stage": 2, "stages": 3, "image_size_px": 96, "devices": 2, **details}
    return {**progress_event(done, total=51_200), "label": "training", "details": stage}


def test_training_shows_its_pace_and_when_stage_and_run_will_end() -> None:
    progress = Progress("training")
    timed = {
        "rate": 1240.0,
        "data_wait_share": 0.021,
        "stage_secs_left": 80.0,
        "run_secs_left": 485.0,
    }
    progress.update(training_event(12_800, **timed), 0.0)
    assert progress.line() == (
        "training 12,800 of 51,200, stage 2/3 at 96 px, 1,240 photos/s (620 a device), "
        "data wait 2%, 1 min 20 s left in the stage, 8 min 5 s in the run"
    )


def test_training_shows_what_is_known_so_far() -> None:
    stage = {"stage": 1, "stages": 1, "image_size_px": 64, "devices": 1}
    assert training_text(stage) == "stage 1/1 at 64 px"
    paced = {**stage, "rate": 8.26, "data_wait_share": 0.5}
    assert training_text(paced) == "stage 1/1 at 64 px, 8.3 photos/s, data wait 50%"


def test_work_within_another_is_shown_in_its_place() -> None:
    training, validating = Progress("training"), Progress("validating")
    training.update(training_event(12_800), 0.0)
    validating.update({**progress_event(30), "within": "training"}, 0.0)
    assert open_lines([training, validating]) == ["validating 30 of 100"]

    validating.update({**progress_event(100), "within": "training"}, 1.0)
    assert open_lines([training, validating]) == [training.line()]


def test_live_text_is_as_wide_as_the_terminal_and_loses_nothing() -> None:
    text = "training 12,800 of 51,200, stage 2/3 at 96 px, 1,240 photos/s, 8 min 5 s in the run"
    assert live_text("8/13 Trainer", text, 120) == f"8/13 Trainer  {text}"

    folded = live_text("8/13 Trainer", text, 60)

    assert folded.splitlines()[0] == "8/13 Trainer"
    assert all(len(line) < 60 for line in folded.splitlines())
    assert " ".join(folded.split()) == f"8/13 Trainer {text}"


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
        "val_top5": 0.875,
        "photos_per_sec": 1234.5,
        "data_wait_share": 0.02,
    }
    assert epoch_line(event) == (
        "stage 2/3  96 px  batch 32  epoch 15.0  loss 1.235  val top-1 50.0%  "
        "top-5 87.5%  1,234 photos/s  data wait 2%"
    )
