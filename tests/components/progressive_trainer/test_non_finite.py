from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_training import NUM_LEAVES, settings, stage

from components.progressive_trainer import step_watch
from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.photo_stream import Share, training_stream
from components.progressive_trainer.step_watch import NonFiniteError, Step, StepWatch

pytestmark = pytest.mark.usefixtures("thin_network")

SPOILS = 1e30
"""A learning rate after whose first step the weights are beyond float32."""


@pytest.fixture(scope="module", autouse=True)
def float32_again() -> Iterator[None]:
    yield
    keras.mixed_precision.set_dtype_policy("float32")


def new_loop(
    photos: tuple[Photos, Photos],
    stages: list[dict[str, Any]],
    checkpoints: Checkpoints | None = None,
    **values: Any,
) -> TrainingLoop:
    free = {"optimizer": "sgd", "clip_global_norm": None, "weight_decay": 0.0, **values}
    given = settings(stages, **free)
    schedule = given.schedule.model_copy(update={"warmup_epochs": 0.0, "final_rate_share": 1.0})
    return TrainingLoop(
        given.model_copy(update={"schedule": schedule}),
        num_leaves=NUM_LEAVES,
        train=photos[0],
        val=photos[1],
        devices=Devices(tf.distribute.get_strategy(), Share(), "1 CPU"),
        checkpoints=checkpoints,
    )


def ids(photos: Photos, start: int) -> str:
    """Photo ids of the batch of four at a place in the run."""
    stream = training_stream(
        photos.files,
        num_photos=photos.count,
        start_examples=start,
        image_size_px=32,
        global_batch=4,
        steps=1,
        augment=0.0,
        seed=1,
        shuffle_buffer_photos=5,
    )
    _, _, photo_ids = next(iter(stream))
    assert photo_ids.numpy().min() > 7000
    return ", ".join(map(str, photo_ids.numpy()))


def test_loss_that_is_not_finite_ends_the_run_and_the_last_good_checkpoint_stays(
    photos: tuple[Photos, Photos], tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path)
    # A checkpoint is due after every step, and so at once after the one that went wrong.
    spoiling = {**stage(4, 1), "learning_rate": SPOILS}
    loop = new_loop(photos, [stage(4, 1), spoiling], checkpoints, checkpoint_secs=1e-9)

    with pytest.raises(NonFiniteError) as caught:
        loop.run()

    assert str(caught.value) == (
        "The training loss is nan (step 5 of 6, stage 2, learning rate 1e+30, precision float32); "
        "a number that is not finite spoils every weight after it, so that training ended here. "
        "Lower the learning rate of the schedule, or set trainer.clip_global_norm lower. Should it "
        "stay in the same place, look at the photos of that step: "
        f"{ids(photos[0], 16)}. The checkpoint before it stays in {tmp_path}."
    )
    latest = checkpoints.latest()
    assert latest is not None
    assert latest.examples_seen == 16
    with np.load(latest.directory / "variables.npz") as saved:
        assert all(np.isfinite(saved[name]).all() for name in saved.files)


def test_weights_that_are_not_finite_are_never_written(
    photos: tuple[Photos, Photos], tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path)
    loop = new_loop(photos, [stage(4, 1)], checkpoints)
    kernel = loop.model.get_layer("leaves").kernel
    kernel.assign(kernel * float("nan"))

    assert not loop._save(4, None)
    assert checkpoints.latest() is None


def test_last_step_of_a_stage_that_spoils_the_weights_is_found_by_validation(
    photos: tuple[Photos, Photos],
) -> None:
    with pytest.raises(NonFiniteError) as caught:
        new_loop(photos, [{**stage(4, 0.3), "learning_rate": SPOILS}]).run()

    assert str(caught.value).startswith(
        "The validation loss is nan (step 1 of 1, stage 1, learning rate 1e+30, precision float32);"
    )
    assert ids(photos[0], 0) in str(caught.value)


def test_gradient_that_overflows_under_its_scale_is_no_error(
    photos: tuple[Photos, Photos],
) -> None:
    loop = new_loop(photos, [stage(4, 1)], precision="mixed_float16")
    loop._optimizer.dynamic_scale.assign(2.0**30)

    loop.run()

    assert float(loop._optimizer.dynamic_scale) == 2.0**27  # halved at each of three steps
    assert np.isfinite(loop.history[-1]["val_loss"])
    keras.mixed_precision.set_dtype_policy("float32")


def step(number: int, loss: float) -> Step:
    return Step(number, 1, 0.1, tf.constant(loss), tf.constant(0.0), tf.constant([0, 0]))


def test_losses_are_read_every_few_steps_and_the_first_bad_one_is_named() -> None:
    watch = StepWatch()
    due = []
    for number in range(1, step_watch.READ_EVERY_STEPS + 1):
        watch.add(step(number, float("inf") if number in (3, 5) else 1.0))
        due.append(watch.due)
    assert due == [False] * (step_watch.READ_EVERY_STEPS - 1) + [True]
    assert not watch.all_finite()

    reading = watch.read()

    assert reading.bad is not None
    assert (reading.bad.number, reading.loss, reading.stop) == (3, float("inf"), False)
    assert not watch.due
    assert watch.read().bad is None


@pytest.mark.parametrize(
    ("photo_ids", "listed"),
    [
        ([0, 0], "photos of that step: their ids are not in the records."),
        (range(1, 259), " 255, 256 and 2 more, all of them in the log."),
    ],
)
def test_ids_are_as_many_as_a_person_reads(photo_ids: Any, listed: str) -> None:
    error = NonFiniteError(
        "The training loss is inf",
        step(1_200, float("inf")),
        steps=9_000,
        precision="mixed_float16",
        photo_ids=photo_ids,
        kept=None,
    )

    assert str(error).startswith("The training loss is inf (step 1,200 of 9,000, stage 1, ")
    assert "lower. Set trainer.precision to float32. Should it" in str(error)
    assert str(error).endswith(listed)
