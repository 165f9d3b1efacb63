from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.progressive_trainer.step_context import StageDropout, StochasticDepth, step_context

ROWS, CHANNELS = 64, 50


def features(rows: int = ROWS) -> tf.Tensor:
    return tf.ones([rows, CHANNELS]) * 2.0


def dropped(
    inputs: tf.Tensor, rate: float, *, seed: int = 3, first_row: int = 0, rows: int = ROWS
) -> np.ndarray:
    with step_context(
        rate=tf.constant(rate),
        seed=tf.constant([1, seed]),
        first_row=tf.constant(first_row),
        rows=rows,
    ):
        return StageDropout()(inputs, training=True).numpy()


def test_rate_zero_changes_nothing() -> None:
    assert (dropped(features(), 0.0) == features().numpy()).all()


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.7])
def test_share_of_the_rate_is_dropped_and_the_mean_kept(rate: float) -> None:
    out = dropped(features(), rate)

    kept = out[out != 0]
    assert (out == 0).mean() == pytest.approx(rate, abs=0.03)
    assert kept == pytest.approx(np.full(kept.shape, 2 / (1 - rate)))
    assert out.mean() == pytest.approx(2.0, rel=0.1)


def test_same_seed_gives_the_same_mask_and_another_seed_another() -> None:
    first = dropped(features(), 0.5, seed=3)

    assert (dropped(features(), 0.5, seed=3) == first).all()
    assert (dropped(features(), 0.5, seed=4) != first).mean() > 0.3


def test_photos_of_a_batch_get_different_masks() -> None:
    out = dropped(features(), 0.5)

    assert len({row.tobytes() for row in out}) == ROWS


@pytest.mark.parametrize("replicas", [2, 4])
def test_replicas_drop_what_one_device_would(replicas: int) -> None:
    whole, local = dropped(features(), 0.5), ROWS // replicas

    parts = [
        dropped(features(local), 0.5, first_row=replica * local) for replica in range(replicas)
    ]

    assert (np.concatenate(parts) == whole).all()


def test_nothing_is_dropped_outside_training() -> None:
    with step_context(
        rate=tf.constant(0.9), seed=tf.constant([1, 1]), first_row=tf.constant(0), rows=ROWS
    ):
        out = StageDropout()(features(), training=False)

    assert (out.numpy() == features().numpy()).all()


def test_training_without_a_step_is_refused() -> None:
    with pytest.raises(
        RuntimeError, match=r"StageDropout was called in training without a step_context\."
    ):
        StageDropout()(features(), training=True)


def test_context_ends_with_its_block_also_after_an_error() -> None:
    with (
        pytest.raises(KeyError),
        step_context(
            rate=tf.constant(0.9), seed=tf.constant([1, 1]), first_row=tf.constant(0), rows=ROWS
        ),
    ):
        raise KeyError

    with pytest.raises(RuntimeError, match="without a step_context"):
        StageDropout()(features(), training=True)


def test_rate_and_seed_move_without_a_new_trace() -> None:
    layer, traces = StageDropout(), 0

    @tf.function
    def step(rate: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        nonlocal traces
        traces += 1
        with step_context(rate=rate, seed=seed, first_row=tf.constant(0), rows=ROWS):
            return layer(features(), training=True)

    shares = [
        float((step(tf.constant(rate), tf.constant([1, 5])).numpy() == 0).mean())
        for rate in (0.0, 0.2, 0.6)
    ]

    assert traces == 1
    assert shares == pytest.approx([0.0, 0.2, 0.6], abs=0.03)


def branch_kept(
    *, photos: int = ROWS, seed: int = 3, first_row: int = 0, branch: int = 0
) -> np.ndarray:
    """Features [B, 2, 3, 4] of 2 after a branch that is dropped for a quarter of the photos."""
    with step_context(
        rate=tf.constant(0.9),
        seed=tf.constant([1, seed]),
        first_row=tf.constant(first_row),
        rows=ROWS,
    ):
        inputs = tf.fill([photos, 2, 3, 4], 2.0)
        return StochasticDepth(0.25, branch)(inputs, training=True).numpy()


def test_branch_is_dropped_for_whole_photos_and_its_mean_kept() -> None:
    many = np.concatenate([branch_kept(seed=seed) for seed in range(40)])

    by_photo = many.reshape(len(many), -1)
    assert (by_photo == by_photo[:, :1]).all()
    assert set(np.unique(many)) == {np.float32(0), np.float32(2 / 0.75)}
    assert (by_photo[:, 0] == 0).mean() == pytest.approx(0.25, abs=0.03)


def test_each_branch_and_each_step_draws_for_itself() -> None:
    first = branch_kept()

    assert (branch_kept() == first).all()
    assert (branch_kept(branch=1) != first).any()
    assert (branch_kept(seed=4) != first).any()


def test_replicas_drop_the_branches_that_one_device_would() -> None:
    half = ROWS // 2

    parts = [branch_kept(photos=half, first_row=row) for row in (0, half)]

    assert (np.concatenate(parts) == branch_kept()).all()


def test_branch_is_left_alone_outside_training() -> None:
    inputs = tf.ones([2, 2, 3, 4])

    assert (StochasticDepth(0.25, 0)(inputs, training=False) == inputs).numpy().all()
