"""Mixup and CutMix: each photo of a batch mixed with its neighbour, labels in proportion.

Row i is mixed with row i ^ 1 (0 with 1, 2 with 3, ...), and every draw is a function of the step's
seed and the pair's place in the *global* batch: one replica and several mix the same photos by the
same shares, as long as a replica's part of the batch is even. The stream is shuffled, so that a
neighbour is a random photo.

    mixed = mix(images, labels, mixup=0.2, cutmix=0.0, seed=seed, first_row=first_row, rows=64)
    loss = mixed.share * loss_of(mixed.labels) + (1 - mixed.share) * loss_of(mixed.partner_labels)

Sources: Zhang et al. 2018 (arXiv:1710.09412); Yun et al. 2019 (arXiv:1905.04899).
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Mixed(NamedTuple):
    """A batch after mixing.

    Attributes:
        images: float32 [B, S, S, 3], 0..255.
        labels: int64 [B], of the photo itself.
        partner_labels: int64 [B], of the photo mixed in.
        share: float32 [B], how much of the picture is the photo itself, 0..1.
    """

    images: tf.Tensor
    labels: tf.Tensor
    partner_labels: tf.Tensor
    share: tf.Tensor


def mix(
    images: tf.Tensor,
    labels: tf.Tensor,
    *,
    mixup: float,
    cutmix: float,
    seed: tf.Tensor,
    first_row: tf.Tensor,
    rows: int,
) -> Mixed:
    """Mixes neighbours.

    Args:
        images: float32 [B, S, S, 3], 0..255; B even.
        labels: int64 [B].
        mixup: alpha of Mixup's Beta(alpha, alpha); 0 switches it off.
        cutmix: alpha of CutMix's; 0 switches it off. With both, each pair takes one by a coin.
        seed: int32 [2] of the step.
        first_row: int32 scalar, place of row 0 in the global batch; even.
        rows: photos in the global batch.
    """
    if mixup <= 0 and cutmix <= 0:
        return Mixed(images, labels, labels, tf.ones_like(labels, tf.float32))
    local = tf.shape(labels)[0]
    partner = tf.bitwise.bitwise_xor(tf.range(local), 1)
    neighbours, partner_labels = tf.gather(images, partner), tf.gather(labels, partner)
    seeds = tf.random.experimental.stateless_split(seed, 5)

    def of_rows(drawn: tf.Tensor) -> tf.Tensor:
        """From one draw a pair [rows / 2, ...] to one a local row."""
        return tf.repeat(drawn, 2, axis=0)[first_row : first_row + local]

    pairs = (rows + 1) // 2
    side = images.shape[1]
    cut_share = of_rows(_beta(cutmix or 1.0, pairs, seeds[0]))
    centre = of_rows(tf.random.stateless_uniform([pairs, 2], seeds[1]))
    inside = _box(cut_share, centre, side)
    cut = tf.where(inside[..., tf.newaxis], neighbours, images)
    # The box is clipped at the border: its true area counts.
    true_share = 1.0 - tf.reduce_mean(tf.cast(inside, tf.float32), axis=(1, 2))
    blend_share = of_rows(_beta(mixup or 1.0, pairs, seeds[2]))
    # The other photo of the pair gets the same blend the other way round.
    weight = blend_share[:, tf.newaxis, tf.newaxis, tf.newaxis]
    blended = weight * images + (1.0 - weight) * neighbours
    coin = of_rows(tf.random.stateless_uniform([pairs], seeds[3])) < 0.5
    use_cut = tf.fill([local], cutmix > 0) if min(mixup, cutmix) <= 0 else coin
    return Mixed(
        tf.where(use_cut[:, tf.newaxis, tf.newaxis, tf.newaxis], cut, blended),
        labels,
        partner_labels,
        tf.where(use_cut, true_share, blend_share),
    )


def _beta(alpha: float, count: int, seed: tf.Tensor) -> tf.Tensor:
    """float32 [count] of Beta(alpha, alpha), as a ratio of Gamma draws."""
    draws = tf.random.stateless_gamma([2, count], seed, alpha=alpha)
    # Two draws of a small alpha may both be 0 in float32; then the pair is halved.
    total = draws[0] + draws[1]
    return tf.where(total > 0, draws[0] / tf.maximum(total, 1e-30), 0.5)


def _box(share: tf.Tensor, centre: tf.Tensor, side: int) -> tf.Tensor:
    """bool [B, S, S]: a square of area 1 - share round a centre in 0..1, cut at the border."""
    half = tf.sqrt(1.0 - share) * side / 2
    place = tf.range(side, dtype=tf.float32) + 0.5
    rows = tf.abs(place[tf.newaxis, :] - centre[:, :1] * side) < half[:, tf.newaxis]
    columns = tf.abs(place[tf.newaxis, :] - centre[:, 1:] * side) < half[:, tf.newaxis]
    return tf.logical_and(rows[:, :, tf.newaxis], columns[:, tf.newaxis, :])
