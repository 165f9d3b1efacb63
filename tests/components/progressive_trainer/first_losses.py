"""First losses of one backbone in each arithmetic; run by test_backbone_arithmetic, in a process.

    python first_losses.py NETWORK TARGET

Writes the losses into TARGET, as JSON, by the name of the arithmetic. TensorFlow keeps each traced
step for as long as its process lives: all of them together took 19 GB.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

import keras
import numpy as np
import tensorflow as tf
from tiny_training import NUM_LEAVES, settings, stage

from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.photo_order import Share

BATCH, SIZE_PX, STEPS = 8, 64, 2

ARITHMETIC: dict[str, dict[str, Any]] = {
    "float32": {},
    "bfloat16": {"precision": "mixed_bfloat16"},
    "float16": {"precision": "mixed_float16"},
    "xla": {"xla": True},
}


def losses(network: str, **values: Any) -> list[float]:
    """The mean losses of a new network's first steps, over photos of noise."""
    keras.mixed_precision.set_dtype_policy("float32")
    given = settings([{**stage(BATCH, 1, size=SIZE_PX), "mixup": 0.2}], network=network, **values)
    loop = TrainingLoop(
        given,
        num_leaves=NUM_LEAVES,
        train=Photos((), 10**6),
        val=Photos((), 1),
        devices=Devices(tf.distribute.get_strategy(), Share(), "1 CPU"),
        checkpoints=None,
    )
    step = loop.training_step(loop.plan[0])
    noise = np.random.default_rng(1).integers(0, 256, (BATCH, SIZE_PX, SIZE_PX, 3), np.uint8)
    photos, labels = tf.constant(noise), tf.constant(np.arange(BATCH) % NUM_LEAVES)

    def taken(number: int) -> float:
        rate, dropout, seed = tf.constant(1e-3), tf.constant(0.2), tf.constant([1, number])
        return float(step(photos, labels, rate, dropout, seed, tf.constant(0.0))[0]) / BATCH

    return [taken(number) for number in range(STEPS)]


if __name__ == "__main__":
    found = {name: losses(sys.argv[1], **values) for name, values in ARITHMETIC.items()}
    Path(sys.argv[2]).write_text(json.dumps(found))
