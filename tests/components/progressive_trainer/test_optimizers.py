from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from tiny_training import THIN, settings, stage

from components.progressive_trainer import networks
from components.progressive_trainer.networks import build_network
from components.progressive_trainer.optimizers import build_optimizer, set_learning_rate, start_anew

OPTIMIZERS = ("adamw", "rmsprop", "sgd")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
FIRST_SCALE = 2.0**15
"""That Keras's loss scaling begins with."""


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


def test_gradient_is_clipped_after_its_loss_scale_is_taken_off() -> None:
    scaled = [30.0 * FIRST_SCALE, 40.0 * FIRST_SCALE]
    half = {"optimizer": "sgd", "precision": "mixed_float16", "weight_decay": 0.0}

    assert stepped(scaled, clip_global_norm=5.0, **half) == pytest.approx([-5.7, -7.6], rel=1e-5)
    assert stepped(scaled, clip_global_norm=60.0, **half) == pytest.approx([-57, -76], rel=1e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_only_kernels_of_a_network_decay_and_by_rate_times_decay(
    monkeypatch: pytest.MonkeyPatch, optimizer: str, precision: str
) -> None:
    monkeypatch.setattr(networks, "SMALL_WIDTHS", THIN)
    model = build_network("small", num_leaves=3, base_weights="none", head_rank=4)
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape))
    given = settings([stage(4, 1)], optimizer=optimizer, precision=precision, weight_decay=0.5)
    decaying = build_optimizer(given)
    decaying.build(model.trainable_variables)
    set_learning_rate(decaying, 1.0)

    still = [np.zeros(variable.shape, np.float32) for variable in model.trainable_variables]
    decaying.apply(list(map(keras.ops.convert_to_tensor, still)), model.trainable_variables)

    kept = {variable.name: set() for variable in model.trainable_variables}
    for variable in model.trainable_variables:
        kept[variable.name] |= set(variable.numpy().flat)
    assert kept == {"kernel": {0.5}, "gamma": {1.0}, "beta": {1.0}, "bias": {1.0}}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_does_without_decay(optimizer: str) -> None:
    assert stepped([0.0], optimizer=optimizer, weight_decay=0.0) == pytest.approx([0.0])


def test_rate_reaches_the_optimizer_inside_loss_scaling() -> None:
    optimizer = build_optimizer(settings([stage(4, 1)], precision="mixed_float16"))

    set_learning_rate(optimizer, 0.25)

    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    assert float(optimizer.inner_optimizer.learning_rate) == 0.25


HEAD_STEPS, THAWED_STEPS, RATE = 2000, 12, 0.01


def thawed_moves(optimizer: str, precision: str, *, anew: bool) -> np.ndarray:
    """How far each step moves a weight that stood still for many, under one gradient all along.

    By what RATE times that gradient moves it (Adam: by RATE); momentum gathers, so it grows.
    """
    given = settings([stage(4, 1)], optimizer=optimizer, precision=precision, weight_decay=0.0)
    built = build_optimizer(given)
    head, body = (keras.Variable(np.ones(1, np.float32), name=name) for name in ("head", "body"))
    built.build([head, body])
    set_learning_rate(built, RATE)
    scale = FIRST_SCALE if precision == "mixed_float16" else 1.0
    gradient = keras.ops.convert_to_tensor([0.1 * scale])
    for _ in range(HEAD_STEPS // 100):
        built.apply([gradient], [head])
    built.iterations.assign(HEAD_STEPS)
    if anew:
        start_anew(built)
    places = [1.0]
    for _ in range(THAWED_STEPS):
        built.apply([gradient, gradient], [head, body])
        places.append(float(body.numpy()[0]))
    return -np.diff(places) / RATE


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_thawed_weight_moves_by_the_rate_from_its_first_step_on(precision: str) -> None:
    assert thawed_moves("adamw", precision, anew=True) == pytest.approx(
        np.ones(THAWED_STEPS), rel=1e-3
    )
    # What it is for: against averages of zero that are taken for full ones.
    late = thawed_moves("adamw", precision, anew=False)
    assert late[0] == pytest.approx(0.1 / np.sqrt(0.001), rel=0.1)
    assert late.max() > 6


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_thawed_weight_of_the_others_moves_as_at_the_start_of_a_run(optimizer: str) -> None:
    late = thawed_moves(optimizer, "float32", anew=False)
    np.testing.assert_array_equal(late, thawed_moves(optimizer, "float32", anew=True))
    gathered = np.cumsum(0.9 ** np.arange(THAWED_STEPS + 1))
    wanted = gathered[1:] if optimizer == "sgd" else gathered[:-1]
    assert late == pytest.approx(0.1 * wanted, rel=0.01)


def test_loss_scale_and_rate_stay_where_the_optimizer_starts_anew() -> None:
    built = build_optimizer(settings([stage(4, 1)], precision="mixed_float16"))
    built.build([keras.Variable(np.ones(1, np.float32), name="kernel")])
    set_learning_rate(built, 0.25)
    built.dynamic_scale.assign(2.0**11)
    built.step_counter.assign(7)
    built.iterations.assign(9)

    start_anew(built)

    assert (float(built.dynamic_scale), int(built.step_counter)) == (2.0**11, 7)
    assert float(built.inner_optimizer.learning_rate) == 0.25
    assert int(built.iterations) == 0
