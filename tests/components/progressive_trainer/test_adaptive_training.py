"""Stages that end early and go on in training: decided once, replayed after a stop, told to all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tiny_cluster
from tiny_cluster import ended, log_of, start, write_job
from tiny_training import NUM_LEAVES, StopsAt, settings, stage

from components.progressive_trainer import course as course_module
from components.progressive_trainer import loop as loop_module
from components.progressive_trainer.adaptive import Verdict, judge
from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.course import Course
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.photo_order import Share
from components.progressive_trainer.stop_request import StopRequest, TrainingStopped
from components.progressive_trainer.validation import Validated

pytestmark = pytest.mark.usefixtures("thin_network")

ADAPTIVE = {"window_epochs": 2, "standard_errors": 0.0}
SETTINGS = settings([stage(4, 4), stage(4, 3, size=40)], adaptive=ADAPTIVE)
# The first stage comes to a halt after 3 epochs of 4; the second, planned for 3, still gains.
VAL_TOP1 = (0.3, 0.6, 0.6, 0.65, 0.7, 0.75, 0.75)


def ticking(secs: float) -> Callable[[], float]:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += secs
        return now

    return clock


def trained(
    photos: tuple[Photos, Photos],
    *,
    checkpoints: Checkpoints | None = None,
    stop: StopRequest | None = None,
    secs: float = 1.0,
) -> tuple[TrainingLoop, list[int]]:
    """A training whose validations find VAL_TOP1, and the photos at which it was judged."""
    loop = TrainingLoop(
        SETTINGS,
        num_leaves=NUM_LEAVES,
        train=photos[0],
        val=photos[1],
        devices=Devices(tf.distribute.get_strategy(), Share(), "1 CPU"),
        checkpoints=checkpoints,
        stop=stop,
        clock=ticking(secs),
    )
    judged: list[int] = []

    def found(*_: Any, **__: Any) -> Validated:
        return Validated(1.0, VAL_TOP1[len(loop.history)], 1.0, 1.0, secs)

    def judging(given: Any, plan: Any, history: Any, **rest: Any) -> Verdict:
        judged.append(history[-1]["examples_seen"])
        return judge(given, plan, history, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop_module, "validate", found)
        patch.setattr(course_module, "judge", judging)
        try:
            loop.run()
        except TrainingStopped:
            assert stop is not None
    return loop, judged


@pytest.fixture(scope="module")
def never_stopped(photos: tuple[Photos, Photos]) -> TrainingLoop:
    loop, judged = trained(photos)
    assert judged == [12, 24, 36, 48, 60, 72, 84]
    return loop


def test_stage_ends_early_and_the_last_goes_on_as_judged(never_stopped: TrainingLoop) -> None:
    first, second = never_stopped.course.decisions
    assert (first.stage, first.at_examples, first.before, first.after) == (0, 36, 48, 36)
    assert first.reason.startswith(
        "stage 1 ends after 3.0 of 4.0 epochs: the last 2 validations show +0 points an epoch"
    )
    assert (second.stage, second.at_examples, second.before, second.after) == (1, 60, 72, 84)
    assert second.reason.startswith(
        "stage 2 goes on after 2.0 epochs, to 4.0 where 3.0 were planned: the last 2 validations "
        "show +5 points an epoch"
    )
    assert [stage.end_examples for stage in never_stopped.plan] == [36, 84]
    sizes = [row["stage"] for row in never_stopped.history]
    assert sizes == [0, 0, 0, 1, 1, 1, 1]


def test_decision_is_told_once_a_checkpoint_holds_it(
    photos: tuple[Photos, Photos], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path)
    told: list[str] = []

    def emit(_: str, *, text: str) -> None:
        latest = checkpoints.latest()
        assert latest is not None
        assert latest.decisions[-1]["reason"] == text
        told.append(text)

    monkeypatch.setattr(course_module, "emit", emit)
    stopped, _ = trained(photos, checkpoints=checkpoints, stop=StopsAt(10))

    assert told == [decision.reason for decision in stopped.course.decisions]
    assert len(told) == 1


# Stopped just after the first decision, and after the second.
@pytest.mark.parametrize("step", [10, 16])
def test_run_stopped_and_resumed_with_another_clock_replays_its_decisions(
    photos: tuple[Photos, Photos], never_stopped: TrainingLoop, tmp_path: Path, step: int
) -> None:
    checkpoints = Checkpoints(tmp_path)
    stopped, _ = trained(photos, checkpoints=checkpoints, stop=StopsAt(step))
    latest = checkpoints.latest()
    assert latest is not None
    assert latest.examples_seen == 4 * step

    resumed, judged = trained(photos, checkpoints=checkpoints, secs=1e-3)

    assert judged == [at for at in (12, 24, 36, 48, 60, 72, 84) if at > 4 * step]
    ours, theirs = resumed.course.decisions, never_stopped.course.decisions
    timeless = [replace(decision, reason="") for decision in ours]
    assert timeless == [replace(decision, reason="") for decision in theirs]
    made_before = stopped.course.decisions
    assert ours[: len(made_before)] == made_before  # with the reason that was measured then
    for weight, expected in zip(
        resumed.model.get_weights(), never_stopped.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(weight, expected)
    for row, wanted in zip(resumed.history, never_stopped.history, strict=True):
        for key in ("examples_seen", "learning_rate", "train_loss"):
            assert row[key] == wanted[key]


def test_rate_of_the_last_step_is_near_its_floor(never_stopped: TrainingLoop) -> None:
    final = never_stopped.history[-1]["learning_rate"]
    floor = SETTINGS.schedule.final_rate_share * 0.01
    assert floor < final < 5 * floor


def test_stage_as_planned_needs_no_decision(photos: tuple[Photos, Photos]) -> None:
    course = Course(
        settings([stage(4, 2)]), num_photos=photos[0].count, num_val_photos=photos[1].count
    )
    one = Devices(tf.distribute.get_strategy(), Share(), "1 CPU")
    rows = [{"stage": 0, "examples_seen": 12, "val_top1": 0.1, "photos_per_sec": 1.0}]
    assert course.judge(rows, one) is None
    assert course.furthest_end(course.plan[0]) == 24


def test_later_stage_that_moved_along_still_crosses_the_end_of_an_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = settings([stage(6, 2), stage(7, 2), stage(6, 2)], adaptive=ADAPTIVE)
    course = Course(given, num_photos=100, num_val_photos=10)
    assert [stage.end_examples for stage in course.plan] == [204, 400, 598]
    monkeypatch.setattr(course_module, "judge", lambda *_, **__: Verdict(102, "as a test has it"))
    one = Devices(tf.distribute.get_strategy(), Share(), "1 CPU")

    course.judge([{"stage": 0, "examples_seen": 102}], one)

    assert [stage.end_examples for stage in course.plan] == [102, 305, 503]  # and not 298
    assert course.decisions[1].reason == (
        "stage 2 takes a batch more, to cross the end of an epoch"
    )
    resumed = Course(given, num_photos=100, num_val_photos=10)
    resumed.restore([decision.as_dict() for decision in course.decisions])
    assert resumed.plan == course.plan


def test_machines_do_as_the_chief_decides(tmp_path: Path) -> None:
    photos = tiny_cluster.write_photos(tmp_path)
    given = settings(
        [stage(4, 5), stage(6, 1, size=40)],
        adaptive={**ADAPTIVE, "min_gain_per_epoch": 1.0},  # nothing pays: ends at its bound
    ).model_dump(mode="json")
    job = write_job(tmp_path / "two", photos, given)

    # Were the second to go on by its own judgement, neither would come to an end.
    assert ended(start(job, workers=2, acts={1: "0:disagree"}), 580) == [0, 0], log_of(job)

    history = json.loads((job.parent / "history.json").read_text())
    assert [(each["stage"], each["before"], each["after"]) for each in history["decisions"]] == [
        (0, 72, 44)
    ]
    assert [each["steps"] for each in history["stages"]] == [11, 2]
