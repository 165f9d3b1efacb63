"""Steps that run out of memory are taken again in parts, from the same state."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import forked
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from small_device import holding, plain_network
from tiny_training import NUM_LEAVES, THIN, StopsAt, settings, stage

from components.progressive_trainer import calibration, memory_fit
from components.progressive_trainer.accumulation import part_bounds, slower_averages
from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.memory_estimate import Footprint
from components.progressive_trainer.networks import build_network
from components.progressive_trainer.out_of_memory import (
    StepOutOfMemory,
    is_out_of_memory,
    place_to_go_back_to,
    step_memory,
)
from components.progressive_trainer.photo_order import Share
from components.progressive_trainer.schedule import stages
from components.progressive_trainer.stop_request import StopRequest, TrainingStopped
from components.progressive_trainer.validation import validate
from schemas.errors import FieldmarkError

MIXING = {**stage(6, 1), "mixup": 0.3}
SETTINGS = settings([MIXING, stage(6, 1.5, size=40)])


@pytest.fixture(scope="module", autouse=True)
def plain_and_thin() -> Iterator[None]:
    with plain_network(THIN):
        yield


def new_loop(
    photos: tuple[Photos, Photos], trained: TrainerSettings = SETTINGS, **given: Any
) -> TrainingLoop:
    return TrainingLoop(
        trained,
        num_leaves=NUM_LEAVES,
        train=photos[0],
        val=photos[1],
        devices=Devices(tf.distribute.get_strategy(), Share(), "1 CPU"),
        **{"checkpoints": None, **given},
    )


@pytest.fixture(scope="module")
def in_parts(photos: tuple[Photos, Photos]) -> TrainingLoop:
    loop, run_stage = new_loop(photos), TrainingLoop._run_stage
    with (
        holding(2) as failed,
        mock.patch.object(TrainingLoop, "_run_stage", autospec=True, side_effect=run_stage) as ran,
    ):
        loop.run()
    assert failed == [(0, 1), (0, 2), (1, 1), (1, 2)]
    # Back at the start of the second stage, the first has nothing left to do.
    assert [call.args[1] for call in ran.mock_calls] == [0, 0, 0, 1, 1, 1]
    return loop


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"), True),
        (
            tf.errors.NotFoundError(
                None,
                None,
                "No algorithm worked!  Error messages:\n  Profiling failure: RESOURCE_EXHAUSTED: "
                "Out of memory while trying to allocate 2147483648 bytes.",
            ),
            True,
        ),
        (tf.errors.InternalError(None, None, "CUDNN_STATUS_ALLOC_FAILED in tensorflow"), True),
        (tf.errors.NotFoundError(None, None, "photos.tfrecord.gz; No such file"), False),
        (tf.errors.InvalidArgumentError(None, None, "Incompatible shapes"), False),
    ],
)
def test_what_is_out_of_memory(error: tf.errors.OpError, is_memory: bool) -> None:
    assert is_out_of_memory(error) is is_memory
    first = stages(SETTINGS.schedule, num_photos=12)[0]
    with pytest.raises(StepOutOfMemory if is_memory else type(error)), step_memory(first):
        raise error


def test_step_in_the_middle_of_a_stage_is_taken_in_parts(
    photos: tuple[Photos, Photos], tmp_path: Path
) -> None:
    one, often = settings([MIXING]), settings([MIXING], checkpoint_secs=1e-9)
    loops = [  # go back to the stage's beginning, or by a step
        new_loop(photos, trained=one),
        new_loop(photos, trained=often, checkpoints=Checkpoints(tmp_path)),
    ]
    for loop in loops:
        with holding(2, steps=1) as failed:
            loop.run()
        assert failed[0] == (0, 1)
        assert [row["examples_seen"] for row in loop.history] == [12]


def test_run_that_ran_out_of_memory_trains_what_it_would_have(
    photos: tuple[Photos, Photos], in_parts: TrainingLoop
) -> None:
    whole = new_loop(photos)
    whole.run()

    for weight, expected in zip(
        in_parts.model.get_weights(), whole.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(weight, expected, atol=1e-5, rtol=1e-5)
    for row, wanted in zip(in_parts.history, whole.history, strict=True):
        for key in ("examples_seen", "learning_rate", "train_loss", "train_top1", "val_loss"):
            assert row[key] == pytest.approx(wanted[key], abs=1e-5)


def test_decisions_say_what_was_split_and_what_that_changes(in_parts: TrainingLoop) -> None:
    decisions = in_parts.course.decisions

    assert [(each.what, each.stage, each.at_examples, each.after) for each in decisions] == [
        ("parts", 0, 0, 2),
        ("parts", 0, 0, 4),
        ("parts", 1, 12, 2),
        ("parts", 1, 12, 4),
    ]
    assert decisions[0].reason == (
        "stage 1 computes its steps in 2 parts: out of memory with 6 photos of 32 px on a device. "
        "Batch and rate stay as they are, the gradients of the parts are added up; but "
        "BatchNormalization sees 3 photos of each replica at a time"
    )


def test_resumed_run_splits_from_the_start_and_ends_bit_for_bit(
    photos: tuple[Photos, Photos], in_parts: TrainingLoop, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path)
    # Six failed and taken steps, then the first of the second stage that goes through.
    with holding(2), pytest.raises(TrainingStopped):
        new_loop(photos, checkpoints=checkpoints, stop=StopsAt(7)).run()

    resumed = new_loop(photos, checkpoints=checkpoints)
    with holding(2) as failed:
        resumed.run()

    assert failed == []
    assert resumed.course.decisions == in_parts.course.decisions
    for weight, expected in zip(
        resumed.model.get_weights(), in_parts.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(weight, expected)


def free_memory(monkeypatch: pytest.MonkeyPatch, *, holds: int) -> None:
    """Of what is free, the share that a step may take holds so many photos of the second stage."""
    plan = stages(SETTINGS.schedule, num_photos=12)
    footprint = Footprint(build_network("small", num_leaves=3, base_weights="none"), SETTINGS)
    needed = footprint.of_stage(replace(plan[1], global_batch=holds), replicas=1, parts=1)
    monkeypatch.setattr(
        memory_fit,
        "available_memory",
        lambda: math.ceil(needed.step_bytes / SETTINGS.batch_auto.memory_share),
    )


def test_cpu_that_would_not_hold_a_step_computes_it_in_parts_from_the_start(
    photos: tuple[Photos, Photos],
    in_parts: TrainingLoop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoints = Checkpoints(tmp_path)
    with pytest.raises(TrainingStopped):
        new_loop(photos, checkpoints=checkpoints, stop=StopsAt(1)).run()
    free_memory(monkeypatch, holds=2)

    resumed = new_loop(photos, checkpoints=checkpoints)
    with holding(3) as failed:
        resumed.run()

    assert failed == []
    decisions = resumed.course.decisions
    assert [(each.stage, each.at_examples, each.after) for each in decisions] == [
        (0, 6, 2),
        (1, 6, 4),
    ]
    assert re.fullmatch(
        r"stage 2 computes its steps in 4 parts: whole they would take \d+ MB, and \d+ MB of "
        r"memory are free\. Batch and rate stay .* sees 2 photos of each replica at a time",
        decisions[1].reason,
    )
    for weight, expected in zip(
        resumed.model.get_weights(), in_parts.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(weight, expected, atol=1e-5, rtol=1e-5)


def test_enough_memory_splits_nothing_and_too_little_for_any_part_neither(
    photos: tuple[Photos, Photos], monkeypatch: pytest.MonkeyPatch
) -> None:
    for free in (10**12, 1):
        monkeypatch.setattr(memory_fit, "available_memory", lambda free=free: free)
        loop = new_loop(photos)
        footprint = Footprint(loop.model, SETTINGS)
        memory_fit.split_what_would_not_fit(loop.course, footprint, SETTINGS, loop.devices, seen=0)
        assert loop.course.decisions == ()


def test_gpus_and_several_machines_split_nothing_beforehand(
    photos: tuple[Photos, Photos], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_fit, "available_memory", None)  # it is not asked
    loop = new_loop(photos)
    several = Devices(loop.devices.strategy, Share(workers=2), "2 machines")
    footprint = Footprint(loop.model, SETTINGS)

    memory_fit.split_what_would_not_fit(loop.course, footprint, SETTINGS, several, seen=0)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["a GPU"])
    memory_fit.split_what_would_not_fit(loop.course, footprint, SETTINGS, loop.devices, seen=0)


@given(photos=st.integers(1, 200), each=st.integers(1, 50), rest=st.integers(0, 50), data=st.data())
def test_parts_are_the_fewest_that_fit(
    photos: int, each: int, rest: int, data: st.DataObject
) -> None:
    allowed = data.draw(st.integers(0, photos * each + rest))

    def needs(parts: int) -> int:
        return -(-photos // parts) * each + rest

    parts = memory_fit.fewest_parts(needs, at_least=1, at_most=photos, allowed_bytes=allowed)

    doublings = [2**power for power in range(photos.bit_length()) if 2**power <= photos]
    fitting = [each for each in doublings if needs(each) <= allowed]
    assert parts == (fitting[0] if fitting else 1)


@pytest.mark.parametrize("label", ["validating", "calibrating"])
def test_validation_that_runs_out_of_memory_says_what_to_lower(
    photos: tuple[Photos, Photos], label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> Any:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(calibration, "calibration_step", lambda *_: failing)
    given: dict[str, Any] = {
        "num_photos": 7,
        "image_size_px": 40,
        "global_batch": 4,
        "devices": Devices(tf.distribute.get_strategy(), Share(), "1 CPU"),
        "stop": StopRequest(),
    }
    passes = {
        "validating": lambda: validate(failing, photos[1].files, **given),
        "calibrating": lambda: calibration.calibrate(keras.Sequential(), photos[1].files, **given),
    }
    with pytest.raises(FieldmarkError) as caught:
        passes[label]()
    assert str(caught.value) == (
        f"A device ran out of memory while {label} at 40 px with a trainer.eval_batch of 4. Lower "
        "trainer.eval_batch."
    )


def test_two_replicas_train_in_parts_what_they_train_whole(tmp_path: Path) -> None:
    script = Path(__file__).with_name("parts_on_logical_devices.py")
    done = forked.run(script, tmp_path, timeout_secs=400)
    assert done.returncode == 0, done.stderr[-4000:]
    whole, split, difference = done.stdout.splitlines()
    assert (whole, split) == ("[]", "[(0, 2), (1, 2), (1, 4)]")
    assert float(difference) < 1e-5


def test_memory_that_holds_no_photo_is_an_error(photos: tuple[Photos, Photos]) -> None:
    with holding(0), pytest.raises(FieldmarkError) as caught:
        new_loop(photos).run()
    assert str(caught.value) == (
        "The device's memory does not hold a training step of stage 1 over a single photo of 32 "
        "px. Lower the image size, take a smaller network, or set trainer.precision to a shorter "
        "one."
    )


@pytest.mark.parametrize(
    ("workers", "why"),
    [
        (1, "no checkpoint is kept to go back to"),
        (3, "one of 3 machines cannot take a step back that the others have taken"),
    ],
)
def test_run_that_cannot_go_back_says_so(
    photos: tuple[Photos, Photos], workers: int, why: str
) -> None:
    stage = new_loop(photos).plan[1]
    with pytest.raises(FieldmarkError) as caught:
        place_to_go_back_to(StepOutOfMemory(stage), None, None, workers=workers)
    assert str(caught.value) == (
        "A device ran out of memory in stage 2, at 40 px and a global batch of 6, and "
        f"{why}. Lower the stage's global_batch, or set it to auto."
    )


@given(rows=st.integers(1, 100), data=st.data())
def test_parts_are_of_nearly_equal_size_and_hold_every_photo(
    rows: int, data: st.DataObject
) -> None:
    bounds = part_bounds(rows, data.draw(st.integers(1, rows)))
    assert [row for start, end in bounds for row in range(start, end)] == list(range(rows))
    sizes = [end - start for start, end in bounds]
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 1


def test_averages_of_parts_follow_at_the_pace_of_the_whole() -> None:
    norm = keras.layers.BatchNormalization(momentum=0.9)
    model = keras.Sequential([keras.Input((2,)), norm])
    value = tf.constant([[1.0, 3.0]] * 4)
    with slower_averages(model, parts=3):
        for _ in range(3):
            model(value, training=True)
    assert norm.momentum == 0.9
    np.testing.assert_allclose(norm.moving_mean, [0.1, 0.3], rtol=1e-5)
