from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.progressive_trainer.mixing import Mixed
from components.progressive_trainer.sampled_softmax import (
    check_sample,
    draw_leaves,
    sampled_crossentropy,
)
from components.progressive_trainer.steps import mixed_crossentropy
from schemas.errors import ConfigError

LEAVES, FEATURES, PHOTOS = 7, 3, 4


def batch(seed: int, *, is_mixed: bool) -> Mixed:
    rng = np.random.default_rng(seed)
    labels = tf.constant(rng.integers(0, LEAVES, PHOTOS))
    partners = tf.gather(labels, [1, 0, 3, 2]) if is_mixed else labels
    share = rng.uniform(size=PHOTOS).astype(np.float32) if is_mixed else np.ones(PHOTOS, "float32")
    return Mixed(tf.zeros([PHOTOS, 2, 2, 3]), labels, partners, tf.constant(share))


def weights(seed: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    rng = np.random.default_rng(seed)
    shapes = (PHOTOS, FEATURES), (FEATURES, LEAVES), (LEAVES,)
    return tuple(tf.constant(rng.normal(size=shape).astype(np.float32)) for shape in shapes)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.booleans(), st.sampled_from([0.0, 0.1, 0.6]))
def test_sample_of_all_leaves_is_the_full_softmax_in_loss_and_gradients(
    seed: int, is_mixed: bool, smoothing: float
) -> None:
    mixed, given_weights = batch(seed, is_mixed=is_mixed), weights(seed)
    drawn = draw_leaves(LEAVES, LEAVES, tf.constant([seed, 1]))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(given_weights)
        features, kernel, bias = given_weights
        sampled, _ = sampled_crossentropy(mixed, *given_weights, drawn, smoothing=smoothing)
        full = mixed_crossentropy(mixed, features @ kernel + bias, smoothing)

    np.testing.assert_allclose(sampled, full, atol=2e-5)
    ours, theirs = tape.gradient(sampled, given_weights), tape.gradient(full, given_weights)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(tf.convert_to_tensor(our), their, atol=2e-5)


@pytest.mark.parametrize("is_mixed", [False, True])
def test_expected_sum_over_all_samples_is_the_sum_over_all_leaves(is_mixed: bool) -> None:
    mixed, (features, kernel, bias) = batch(3, is_mixed=is_mixed), weights(3)
    logits = (features @ kernel + bias).numpy()
    full = mixed_crossentropy(mixed, logits, 0.0).numpy()
    smooth = mixed_crossentropy(mixed, logits, 0.5).numpy()
    target = np.log(np.exp(logits).sum(axis=1)) - full
    totals, uniforms = [], []
    for leaves in combinations(range(LEAVES), 3):
        drawn = tf.constant(leaves, tf.int64)
        plain, _ = sampled_crossentropy(mixed, features, kernel, bias, drawn, smoothing=0.0)
        half, _ = sampled_crossentropy(mixed, features, kernel, bias, drawn, smoothing=0.5)
        totals.append(np.exp(plain.numpy() + target))
        uniforms.append(half.numpy() - plain.numpy())

    np.testing.assert_allclose(np.mean(totals, axis=0), np.exp(logits).sum(axis=1), rtol=1e-4)
    np.testing.assert_allclose(np.mean(uniforms, axis=0), smooth - full, atol=1e-4)


def test_photos_on_several_replicas_have_the_losses_they_have_on_one() -> None:
    mixed, (features, kernel, bias) = batch(5, is_mixed=True), weights(5)
    drawn = draw_leaves(LEAVES, 3, tf.constant([5, 1]))
    whole, _ = sampled_crossentropy(mixed, features, kernel, bias, drawn, smoothing=0.1)
    halves = []
    for rows in (slice(0, 2), slice(2, 4)):
        half = Mixed(*(each[rows] for each in mixed))
        losses, _ = sampled_crossentropy(half, features[rows], kernel, bias, drawn, smoothing=0.1)
        halves.append(losses)
    np.testing.assert_allclose(tf.concat(halves, axis=0), whole, rtol=1e-5)


def test_draw_is_distinct_follows_the_seed_and_favours_no_leaf() -> None:
    first = draw_leaves(50, 10, tf.constant([1, 2])).numpy()
    again = draw_leaves(50, 10, tf.constant([1, 2])).numpy()
    other = draw_leaves(50, 10, tf.constant([1, 3])).numpy()
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)
    assert len(set(first)) == 10

    counts = np.zeros(50)
    for step in range(500):
        counts[draw_leaves(50, 10, tf.constant([7, step])).numpy()] += 1
    # 100 each is expected, with a standard deviation of 9.
    assert 60 < counts.min() < counts.max() < 140


def test_photo_is_named_rightly_where_no_drawn_leaf_beats_its_own() -> None:
    labels = tf.constant([0, 1], tf.int64)
    mixed = Mixed(tf.zeros([2, 2, 2, 3]), labels, labels, tf.ones(2))
    kernel = tf.constant([[3.0, 1.0, 2.0, 0.0]])
    drawn = tf.constant([2, 1], tf.int64)
    _, logits = sampled_crossentropy(
        mixed, tf.ones([2, 1]), kernel, tf.zeros(4), drawn, smoothing=0.0
    )
    assert list(tf.argmax(logits, axis=1).numpy()) == [0, 1]


def test_gradients_are_dense_so_that_clipping_sees_each_leaf_once() -> None:
    mixed, (features, *values) = batch(1, is_mixed=True), weights(1)
    kernel, bias = (tf.Variable(value) for value in values)
    drawn = draw_leaves(LEAVES, 5, tf.constant([1, 1]))
    with tf.GradientTape() as tape:
        losses, _ = sampled_crossentropy(mixed, features, kernel, bias, drawn, smoothing=0.1)
    for gradient in tape.gradient(losses, [kernel, bias]):
        assert isinstance(gradient, tf.Tensor)


def test_only_the_compared_leaves_get_a_gradient() -> None:
    mixed, (features, kernel, bias) = batch(1, is_mixed=False), weights(1)
    drawn = tf.constant([2], tf.int64)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        losses, _ = sampled_crossentropy(mixed, features, kernel, bias, drawn, smoothing=0.1)
    moved = np.abs(tape.gradient(losses, kernel).numpy()).sum(axis=0) > 0
    assert set(np.flatnonzero(moved)) == {2, *mixed.labels.numpy()}


def test_sample_larger_than_the_taxonomy_is_refused() -> None:
    check_sample(None, num_leaves=5)
    check_sample(5, num_leaves=5)
    with pytest.raises(ConfigError) as caught:
        check_sample(4096, num_leaves=1200)
    assert str(caught.value) == (
        "trainer.sampled_softmax: at most all 1,200 leaves of the taxonomy can be drawn. Received: "
        "4,096. Lower it, or set it to null for the full softmax, which suits so few leaves."
    )
