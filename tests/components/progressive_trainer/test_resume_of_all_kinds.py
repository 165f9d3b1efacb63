"""Kill and resume is bit for bit, for each optimizer and each precision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from interrupted import train_and_resume
from tiny_training import settings, stage, write_split

from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.photo_files import PhotoFiles

KILLED_AT = 8
SCALE = 2.0**11


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Photos, Photos]:
    root = tmp_path_factory.mktemp("photos")
    train = write_split(root / "train", 12, files=3)
    counted = Photos(train.files, train.count, np.array([8, 3, 1]))
    return counted, write_split(root / "val", 4, files=1)


@pytest.fixture(autouse=True)
def float32_after() -> Any:
    yield
    keras.mixed_precision.set_dtype_policy("float32")


def start_scale(loop: TrainingLoop) -> None:
    """A loss scale that no new optimizer has, and two good steps before it doubles."""
    if isinstance(loop._optimizer, keras.optimizers.LossScaleOptimizer):
        loop._optimizer.dynamic_scale.assign(SCALE)
        loop._optimizer.dynamic_growth_steps = 2


@pytest.mark.parametrize(
    ("optimizer", "precision"),
    [
        ("adamw", "float32"),
        ("rmsprop", "float32"),
        ("sgd", "float32"),
        ("adamw", "mixed_float16"),
        ("sgd", "mixed_float16"),
        ("adamw", "mixed_bfloat16"),
    ],
)
def test_run_that_was_killed_ends_bit_for_bit_as_one_that_was_not(
    photos: tuple[Photos, Photos], tmp_path: Path, optimizer: str, precision: str
) -> None:
    given = settings(
        [{**stage(4, 1.6), "mixup": 0.2}],
        optimizer=optimizer,
        precision=precision,
        ema_decay=0.9,
        class_weighting=0.5,
        # Photos are held for RMSprop, for SGD read in the order of the files, for AdamW in place.
        shuffle_buffer_photos=12 if optimizer == "rmsprop" else 5,
        clip_global_norm=0.5,
    )

    train, val = photos
    if optimizer == "adamw":
        train = replace(train, located=PhotoFiles.of(sorted(train.files)))

    whole, resumed = train_and_resume(
        tmp_path, (train, val), given, killed_at=KILLED_AT, prepare=start_scale
    )

    for ours, theirs in zip(resumed._variables, whole._variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=ours.path)
    for averaged, last in zip(resumed.result.weights, resumed.model.weights, strict=True):
        assert (averaged.numpy() != last.numpy()).any()
    if isinstance(resumed._optimizer, keras.optimizers.LossScaleOptimizer):
        assert float(resumed._optimizer.dynamic_scale) == 4 * SCALE  # five steps, none skipped
