from __future__ import annotations

import doctest
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tiny_training import NUM_LEAVES, THIN

from components.progressive_trainer import ema, networks
from components.progressive_trainer.ema import WeightAverage, horizon_photos, kept_share
from components.progressive_trainer.networks import build_network

DECAYS = st.floats(0.5, 0.99999)
PLACES = st.integers(0, 10**8)
BATCHES = st.integers(1, 4096)


@pytest.fixture(autouse=True)
def thin_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "SMALL_WIDTHS", THIN)


@given(decay=DECAYS, seen=PLACES, first=BATCHES, second=BATCHES)
def test_one_large_batch_keeps_what_two_small_ones_keep(
    decay: float, seen: int, first: int, second: int
) -> None:
    one = kept_share(decay, seen=seen, batch=first + second)

    two = kept_share(decay, seen=seen, batch=first) * kept_share(
        decay, seen=seen + first, batch=second
    )

    assert one == pytest.approx(two, rel=1e-9, abs=1e-300)
    assert 0 <= one < 1


@given(decay=DECAYS, seen=PLACES)
def test_share_grows_until_it_is_the_decay(decay: float, seen: int) -> None:
    early, late = (kept_share(decay, seen=place, batch=64) for place in (seen, seen + 1000))

    assert early <= late * (1 + 1e-12)
    assert late <= decay * (1 + 1e-9)


@given(decay=DECAYS)
def test_after_the_warm_up_the_share_is_the_decay_over_64_photos(decay: float) -> None:
    turn = math.ceil(9 * horizon_photos(decay))

    assert kept_share(decay, seen=turn, batch=64) == pytest.approx(decay)
    assert kept_share(decay, seen=turn, batch=16) == pytest.approx(decay**0.25)


def test_examples_of_the_docstring_hold() -> None:
    assert doctest.testmod(ema).failed == 0


def average_of(model: keras.Model, decay: float = 0.5) -> WeightAverage:
    return WeightAverage(model, decay=decay, strategy=tf.distribute.get_strategy())


def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_network("small", num_leaves=NUM_LEAVES, base_weights="none")


def test_average_follows_all_weights_by_the_share_of_the_step() -> None:
    model = network()
    average = average_of(model)
    average.restart()
    start = model.get_weights()
    late = 10_000
    for weight in model.weights:
        weight.assign_add(tf.ones_like(weight))

    average.follow(seen=late, batch=64)

    for was, now in zip(start, average.model.get_weights(), strict=True):
        np.testing.assert_allclose(now, was + 0.5, rtol=1e-6)


def test_first_step_leaves_nothing_of_the_weights_before_it() -> None:
    model = network()
    average = average_of(model, decay=0.9999)
    average.restart()
    for weight in model.weights:
        weight.assign(tf.fill(weight.shape, 7.0))

    average.follow(seen=0, batch=64)

    for now in average.model.get_weights():
        np.testing.assert_allclose(now, 7.0, rtol=1e-6)


def test_weight_that_does_not_move_is_kept_to_the_last_bit() -> None:
    model = network()
    average = average_of(model, decay=0.9)
    average.restart()

    for step in range(5):
        average.follow(seen=step * 7, batch=7)

    for still, kept in zip(model.get_weights(), average.model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, still)
