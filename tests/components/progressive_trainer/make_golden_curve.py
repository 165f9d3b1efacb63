"""Writes golden_curve.json: what 20 steps of a small training lose, step by step.

    python tests/components/progressive_trainer/make_golden_curve.py

`test_golden_curve` holds every change of the trainer to that curve. Write it anew only where what
is computed was *meant* to change (another loss, another order of draws, other initial weights, a
new version of TensorFlow that says so), say in the commit what changed it, and look at the
difference that this prints: a change that only moves code, or makes it faster, moves no loss.

The photos are mosaics of flat squares of 16 px. Their JPEGs hold nothing but the mean of each
block, which every decoder reads alike, whatever its version and its arithmetic.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

import keras
import numpy as np
import tensorflow as tf
import tiny_training
from PIL import Image
from tiny_training import NUM_LEAVES, THIN, settings, stage

from components.progressive_trainer import loop as loop_module
from components.progressive_trainer import networks
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.photo_order import Share
from components.progressive_trainer.step_watch import Step, StepWatch

CURVE_FILE = Path(__file__).with_name("golden_curve.json")
SQUARE_PX = 16
TRAIN_PHOTOS, VAL_PHOTOS = 40, 8
LEAF_PHOTOS = np.array([30, 8, 2])
"""Not those of the photos: a long tail, for the weights."""


def golden_settings() -> TrainerSettings:
    """Two stages of 12 and 8 steps, with all that has a meaning for the loss."""
    first = {**stage(6, 1.8, dropout=0.2, augment=0.3), "mixup": 0.2, "rand_augment": 3.0}
    second = {**stage(4, 0.8, size=48, dropout=0.4, augment=0.6), "cutmix": 0.5, "mixup": 0.2}
    return settings(
        [first, second], optimizer="adamw", class_weighting=0.5, ema_decay=0.99, eval_batch=8
    )


def mosaic(number: int, size: tuple[int, int] = (80, 64)) -> bytes:
    """A JPEG of flat squares whose colours lean to that of number % NUM_LEAVES."""
    rng = np.random.default_rng(number)
    lean = np.eye(3)[number % NUM_LEAVES] * 80 + 60
    squares = rng.normal(lean, 50, (size[1] // SQUARE_PX, size[0] // SQUARE_PX, 3))
    pixels = np.clip(squares, 0, 255).astype(np.uint8).repeat(SQUARE_PX, 0).repeat(SQUARE_PX, 1)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def split(directory: Path, count: int) -> Photos:
    """Writes `count` mosaics."""
    directory.mkdir()
    labels = [number % NUM_LEAVES for number in range(count)]
    with mock.patch.object(tiny_training, "jpeg", mosaic):
        files = tiny_training.write_records(directory, labels, files=3, size=(80, 64))
    return Photos(files, count, LEAF_PHOTOS)


def curve(directory: Path, given: TrainerSettings) -> dict[str, list[float]]:
    """Trains; returns the mean loss of each step, and of each validation."""
    losses: list[float] = []

    class Recording(StepWatch):
        def add(self, step: Step) -> None:
            super().add(step)
            losses.append(float(step.loss) / int(step.photo_ids.shape[0]))

    with (
        mock.patch.object(networks, "SMALL_WIDTHS", THIN),
        mock.patch.object(loop_module, "StepWatch", Recording),
    ):
        loop = TrainingLoop(
            given,
            num_leaves=NUM_LEAVES,
            train=split(directory / "train", TRAIN_PHOTOS),
            val=split(directory / "val", VAL_PHOTOS),
            devices=Devices(tf.distribute.get_strategy(), Share(), "1 CPU"),
            checkpoints=None,
        )
        loop.run()
    return {"train_loss": losses, "val_loss": [epoch["val_loss"] for epoch in loop.history]}


def main() -> None:
    """Writes the curve, and prints by how much it moved."""
    with tempfile.TemporaryDirectory() as folder:
        new = curve(Path(folder), golden_settings())
    if CURVE_FILE.exists():
        old = json.loads(CURVE_FILE.read_text())
        for name, values in new.items():
            if len(values) == len(old[name]):
                moved = np.max(np.abs(np.array(values) / np.array(old[name]) - 1))
                print(f"{name}: moved by {moved:.2g} of its value at most")
            else:
                print(f"{name}: {len(old[name])} values became {len(values)}")
    made_with = {"tensorflow": tf.__version__, "keras": keras.__version__}
    CURVE_FILE.write_text(json.dumps({**new, "made_with": made_with}, indent=1) + "\n")


if __name__ == "__main__":
    main()
