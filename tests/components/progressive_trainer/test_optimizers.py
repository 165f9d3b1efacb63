from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from tiny_training import settings, stage

from components.progressive_trainer.optimizers import build_optimizer, set_learning_rate

OPTIMIZERS = ("adamw", "rmsprop", "sgd")


def stepped(gradient: list[float], *, name: str = "kernel", **values: Any) -> np.ndarray:
    """How far one step at rate 1 moves a variable of ones."""
    optimizer = build_optimizer(settings([stage(4, 1)], **values))
    variable = keras.Variable(np.ones(len(gradient), np.float32), name=name)
    optimizer.build([variable])
    set_learning_rate(optimizer, 1.0)
    optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return variable.numpy() - 1


def test_gradient_is_scaled_down_to_the_global_norm() -> None:
    # Nesterov's first step is 1.9 times the gradient.
    clipped = stepped([30.0, 40.0], optimizer="sgd", clip_global_norm=5.0, weight_decay=0.0)

    assert clipped == pytest.approx([-1.9 * 3, -1.9 * 4], rel=1e-5)


def test_gradient_within_the_norm_stays() -> None:
    small = stepped([0.3, 0.4], optimizer="sgd", clip_global_norm=5.0, weight_decay=0.0)

    assert small == pytest.approx([-1.9 * 0.3, -1.9 * 0.4], rel=1e-5)


def test_without_a_clip_no_gradient_is_scaled() -> None:
    free = stepped([30.0, 40.0], optimizer="sgd", clip_global_norm=None, weight_decay=0.0)

    assert free == pytest.approx([-57.0, -76.0], rel=1e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", ["bias", "gamma", "beta"])
def test_biases_and_norms_do_not_decay(optimizer: str, name: str) -> None:
    still = stepped([0.0], name=name, optimizer=optimizer, weight_decay=0.5)

    assert still == pytest.approx([0.0])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_kernels_decay_by_rate_times_decay(optimizer: str) -> None:
    shrunk = stepped([0.0], optimizer=optimizer, weight_decay=0.5)

    assert shrunk == pytest.approx([-0.5])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_does_without_decay(optimizer: str) -> None:
    assert stepped([0.0], optimizer=optimizer, weight_decay=0.0) == pytest.approx([0.0])


def test_rate_reaches_the_optimizer_inside_loss_scaling() -> None:
    optimizer = build_optimizer(settings([stage(4, 1)], precision="mixed_float16"))

    set_learning_rate(optimizer, 0.25)

    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    assert float(optimizer.inner_optimizer.learning_rate) == 0.25
