"""One training, to be run on one device, on two and on four."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tiny_training import NUM_LEAVES, THIN, settings, stage

from components.progressive_trainer import networks
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop

OPTIMIZERS = ("adamw",)
TRAIN_PHOTOS, VAL_PHOTOS = 14, 7
LEAF_PHOTOS = np.array([12, 1, 1])
"""Not those of the photos: what is weighted must only be the same everywhere."""


def train(
    photos: Path, devices: Devices, optimizer: str
) -> tuple[list[np.ndarray], list[dict[str, Any]]]:
    """Two stages with all that draws lots or looks over the batch, and a clip that always bites.

    The second thaws what the first froze. Returns the weights and their averages; and the history.
    """
    mixing = {"mixup": 0.3, "cutmix": 0.5, "rand_augment": 5.0}
    networks.SMALL_WIDTHS = THIN
    loop = TrainingLoop(
        settings(
            [
                {**stage(8, 1), **mixing, "trainable": "top:0.6"},
                stage(12, 1, size=40),
            ],
            optimizer=optimizer,
            clip_global_norm=0.05,
            head_rank=4,
            sampled_softmax=2,
            class_weighting=0.5,
            ema_decay=0.9,
        ),
        num_leaves=NUM_LEAVES,
        train=Photos(_files(photos / "train"), TRAIN_PHOTOS, LEAF_PHOTOS),
        val=Photos(_files(photos / "val"), VAL_PHOTOS),
        devices=devices,
        checkpoints=None,
    )
    loop.run()
    return [*loop.model.get_weights(), *loop.result.get_weights()], loop.history


def save(directory: Path, optimizer: str, weights: list[np.ndarray]) -> None:
    np.savez(directory / f"{optimizer}.npz", *weights)


def load(directory: Path, optimizer: str) -> list[np.ndarray]:
    with np.load(directory / f"{optimizer}.npz") as saved:
        return [saved[name] for name in saved.files]


def _files(directory: Path) -> list[str]:
    return sorted(str(path) for path in directory.iterdir())
