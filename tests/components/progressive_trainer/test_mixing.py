from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.progressive_trainer.mixing import Mixed, mix

ROWS, SIDE = 8, 16


def batch() -> tuple[tf.Tensor, tf.Tensor]:
    """Photo i is the constant 10 * i, so that a pixel tells which photo it came from."""
    values = tf.range(ROWS, dtype=tf.float32) * 10
    images = tf.ones([ROWS, SIDE, SIDE, 3]) * values[:, tf.newaxis, tf.newaxis, tf.newaxis]
    return images, tf.range(ROWS, dtype=tf.int64)


def mixed(mixup: float, cutmix: float, seed: int = 1, rows: slice = slice(0, ROWS)) -> Mixed:
    images, labels = batch()
    return mix(
        images[rows],
        labels[rows],
        mixup=mixup,
        cutmix=cutmix,
        seed=tf.constant([3, seed]),
        first_row=tf.constant(rows.start),
        rows=ROWS,
    )


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.4, 0.0), (0.0, 1.0), (0.4, 1.0)])
def test_share_is_how_much_of_the_picture_is_the_photo_itself(mixup: float, cutmix: float) -> None:
    for seed in range(5):
        result = mixed(mixup, cutmix, seed)
        np.testing.assert_array_equal(result.partner_labels, [1, 0, 3, 2, 5, 4, 7, 6])
        own, other = 10.0 * result.labels.numpy(), 10.0 * result.partner_labels.numpy()
        share = result.share.numpy()
        expected = share * own + (1 - share) * other
        np.testing.assert_allclose(
            tf.reduce_mean(result.images, axis=(1, 2, 3)), expected, atol=1e-3
        )
        assert (share >= 0).all()
        assert (share <= 1).all()


def test_cutmix_pixels_are_of_one_photo_or_the_other() -> None:
    result = mixed(0.0, 1.0)
    for image, own, other in zip(
        result.images.numpy(), result.labels.numpy(), result.partner_labels.numpy(), strict=True
    ):
        assert set(np.unique(image)) <= {10.0 * own, 10.0 * other}


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.4, 0.0), (0.0, 1.0), (0.4, 1.0)])
def test_replicas_mix_what_one_device_mixes(mixup: float, cutmix: float) -> None:
    whole = mixed(mixup, cutmix)
    parts = [mixed(mixup, cutmix, rows=slice(start, start + 4)) for start in (0, 4)]
    for field in Mixed._fields:
        joined = np.concatenate([getattr(part, field) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, field))


def test_draws_follow_the_seed_and_differ_between_pairs() -> None:
    np.testing.assert_array_equal(mixed(0.4, 0.0, 1).share, mixed(0.4, 0.0, 1).share)
    assert not np.array_equal(mixed(0.4, 0.0, 1).share, mixed(0.4, 0.0, 2).share)
    assert len(set(mixed(0.4, 0.0, 1).share.numpy()[::2])) == ROWS // 2


def test_shares_of_a_small_alpha_are_mostly_near_the_ends() -> None:
    shares = np.concatenate([mixed(0.1, 0.0, seed).share for seed in range(60)])
    assert np.isfinite(shares).all()
    assert ((shares < 0.1) | (shares > 0.9)).mean() > 0.6
    assert abs(shares.mean() - 0.5) < 0.1


def test_without_mixing_nothing_changes() -> None:
    images, labels = batch()
    result = mixed(0.0, 0.0)
    np.testing.assert_array_equal(result.images, images)
    np.testing.assert_array_equal(result.partner_labels, labels)
    np.testing.assert_array_equal(result.share, np.ones(ROWS))
