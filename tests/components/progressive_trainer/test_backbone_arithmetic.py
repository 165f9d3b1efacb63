"""Every backbone takes its training step in shorter arithmetic and compiled, and loses the same."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_training import NUM_LEAVES, settings, stage

from components.progressive_trainer.config import Network
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.photo_order import Share

pytestmark = [pytest.mark.every_backbone, pytest.mark.timeout(1800)]

BATCH, SIZE_PX, STEPS = 8, 64, 2


@pytest.fixture(autouse=True)
def float32_again() -> Iterator[None]:
    yield
    keras.mixed_precision.set_dtype_policy("float32")


@cache
def losses(network: str, **values: Any) -> tuple[float, ...]:
    """The mean losses of a new network's first steps, over photos of noise."""
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

    return tuple(taken(number) for number in range(STEPS))


@pytest.mark.parametrize("network", get_args(Network))
@pytest.mark.parametrize(
    ("values", "rounding"),
    [
        ({"precision": "mixed_bfloat16"}, 0.1),  # 8 bits, through tens of layers: 0.04 was seen
        ({"precision": "mixed_float16"}, 0.01),
        ({"xla": True}, 1e-3),
    ],
)
def test_first_step_loses_what_it_loses_in_float32(
    network: str, values: dict[str, Any], rounding: float
) -> None:
    first, *later = losses(network, **values)
    assert first == pytest.approx(losses(network)[0], rel=rounding)
    assert np.isfinite(later).all()
