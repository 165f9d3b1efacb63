"""What the loop does by the clock: checkpoints within an epoch, and the progress it shows.

Steps and photos are stood in for by seconds that pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tiny_training import NUM_LEAVES, settings, stage

from components.progressive_trainer import loop as loop_module
from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.photo_stream import Share
from components.progressive_trainer.validation import Validated
from schemas import events

pytestmark = pytest.mark.usefixtures("thin_network")

EPOCH = 30
WAIT_SECS, STEP_SECS, VALIDATION_SECS = 0.25, 0.75, 3.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Places(Checkpoints):
    """Writes nothing, and remembers where it was asked to."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.saved: list[int] = []

    def save(self, *, examples_seen: int, **_: object) -> None:  # type: ignore[override]
        self.saved.append(examples_seen)


def run_of_seconds(directory: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Stages of two epochs and of one, a photo and a second a step; returns the places saved."""
    clock, checkpoints = Clock(), Places(directory)
    loop = TrainingLoop(
        settings([stage(1, 2), stage(1, 1, size=40)], checkpoint_secs=10.0),
        num_leaves=NUM_LEAVES,
        train=Photos((), EPOCH),
        val=Photos((), 4),
        devices=Devices(tf.distribute.get_strategy(), Share(), "1 CPU"),
        checkpoints=checkpoints,
        clock=clock,
    )

    def batches(*_: Any) -> Iterator[Any]:
        while True:
            clock.now += WAIT_SECS
            yield None, None, tf.constant([7])

    def step(*_: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        clock.now += STEP_SECS
        return tf.constant(1.0), tf.zeros(3), tf.constant(0.0)

    def validate(*_: Any, **__: Any) -> Validated:
        clock.now += VALIDATION_SECS
        return Validated(1.0, 0.5, 0.5, 0.5, VALIDATION_SECS)

    monkeypatch.setattr(loop, "_training_batches", batches)
    monkeypatch.setattr(loop._steps, "training", lambda *_, **__: step)
    monkeypatch.setattr(loop_module, "validate", validate)
    loop.run()
    return checkpoints.saved


def test_checkpoint_is_written_every_so_many_seconds_since_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than ten seconds after the last one, which may be that at the end of an epoch or a stage.
    saved = run_of_seconds(tmp_path, monkeypatch)
    assert saved == [11, 22, 30, 41, 52, 60, 71, 82, 90]


def test_progress_tells_rate_devices_wait_and_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(events.EVENTS_VARIABLE, str(tmp_path / "events"))
    monkeypatch.setattr(events, "METER_INTERVAL_SECS", 0.0)

    run_of_seconds(tmp_path / "run", monkeypatch)

    lines = map(json.loads, (tmp_path / "events").read_text().splitlines())
    told = [line for line in lines if line.get("label") == "training"]
    assert {line["total"] for line in told} == {3 * EPOCH}
    first, later = (
        next(line["details"] for line in told if line["done"] == done) for done in (20, 75)
    )
    shown = {"stages": 2, "devices": 1, "rate": 1.0, "data_wait_share": 0.25}
    assert first == {
        "stage": 1,
        "image_size_px": 32,
        **shown,
        "stage_secs_left": pytest.approx(40 + 2 * VALIDATION_SECS, abs=6.0),
        "run_secs_left": pytest.approx(40 + 30 * (40 / 32) ** 2 + 3 * VALIDATION_SECS, abs=9.0),
    }
    assert later == {
        "stage": 2,
        "image_size_px": 40,
        **shown,
        "stage_secs_left": pytest.approx(15 + VALIDATION_SECS, abs=VALIDATION_SECS),
        "run_secs_left": pytest.approx(later["stage_secs_left"]),
    }
