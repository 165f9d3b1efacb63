"""Trainings to be run on one device, on two and on four."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from tiny_training import NUM_LEAVES, THIN, settings, stage

from components.progressive_trainer import networks
from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop

TRAININGS: dict[str, dict[str, Any]] = {
    "adamw": {"optimizer": "adamw"},
    "sgd": {"optimizer": "sgd"},
    "rmsprop": {"optimizer": "rmsprop"},
    "rmsprop mixed_float16": {"optimizer": "rmsprop", "precision": "mixed_float16"},
}
"""By name. The first is the whole of what `train` says, the others a plain stage of two steps:
tracing takes the time."""

RESUMED = "rmsprop"
"""The training of which several devices take the second step alone, after one device's first."""


TRAIN_PHOTOS, VAL_PHOTOS = 14, 7
LEAF_PHOTOS = np.array([12, 1, 1])
"""Not those of the photos: what is weighted must only be the same everywhere."""


class Trained(NamedTuple):
    """What a training began and ended with.

    Attributes:
        before: all weights, and their averages.
        after: the same.
        history: an entry an epoch.
    """

    before: list[np.ndarray]
    after: list[np.ndarray]
    history: list[dict[str, Any]]


def train(photos: Path, devices: Devices, name: str, kept: Path | None = None) -> Trained:
    """Trains two stages with all that draws lots or looks over the batch, and a clip that bites.

    The second thaws what the first froze.

    Args:
        photos: directory of both splits.
        devices: where to run.
        name: one of TRAININGS.
        kept: of checkpoints, one after each step.
    """
    networks.SMALL_WIDTHS = THIN
    mixing = {"mixup": 0.3, "cutmix": 0.5, "rand_augment": 5.0}
    stages = [{**stage(8, 1), **mixing, "trainable": "top:0.6"}, stage(12, 1, size=40)]
    loop = TrainingLoop(
        settings(
            stages if name == next(iter(TRAININGS)) else [stage(8, 1)],
            clip_global_norm=0.05,
            head_rank=4,
            sampled_softmax=2,
            class_weighting=0.5,
            ema_decay=0.9,
            checkpoint_secs=1e-9,
            **TRAININGS[name],
        ),
        num_leaves=NUM_LEAVES,
        train=Photos(_files(photos / "train"), TRAIN_PHOTOS, LEAF_PHOTOS),
        val=Photos(_files(photos / "val"), VAL_PHOTOS),
        devices=devices,
        checkpoints=Checkpoints(kept) if kept else None,
    )
    before = _weights(loop)
    loop.run()
    keras.mixed_precision.set_dtype_policy("float32")
    return Trained(before, _weights(loop), loop.history)


def _weights(loop: TrainingLoop) -> list[np.ndarray]:
    return [*loop.model.get_weights(), *loop.result.get_weights()]


def save(directory: Path, name: str, weights: list[np.ndarray]) -> None:
    np.savez(directory / f"{name}.npz", *weights)


def load(directory: Path, name: str) -> list[np.ndarray]:
    with np.load(directory / f"{name}.npz") as saved:
        return [saved[each] for each in saved.files]


def _files(directory: Path) -> list[str]:
    return sorted(str(path) for path in directory.iterdir())
