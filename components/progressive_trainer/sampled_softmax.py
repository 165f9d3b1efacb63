"""The training loss over a sample of the leaves: no [B, N] table where leaves are many.

The softmax of photo i has its own leaves y (two of a mixed photo) and K leaves S drawn uniformly
and without repetition, the same for all photos and on all replicas. A drawn leaf stands for N / K
of them, its expected count being K / N: its logit is corrected by -log(K / N), and the photo's own,
which are always there, are not. So

    Z_i = sum over y of exp(o_y) + sum over S without y of exp(o_j + log(N / K))

has the sum over all leaves as its expectation, whatever the weights; with K = N it is that sum.
log Z_i lies below log Z on average (Jensen), the less the larger K: a sampled training loss is a
little lower than a full one. Label smoothing takes its mean over S, which is without bias too.

    drawn = draw_leaves(80_000, 4096, seed)
    losses, logits = sampled_crossentropy(mixed, features, kernel, bias, drawn, smoothing=0.1)

Bengio & Senécal 2008 (importance sampling); Jean et al. 2015 (arXiv:1412.2007).
"""

from __future__ import annotations

import math

import tensorflow as tf

from components.progressive_trainer.mixing import Mixed
from schemas.errors import ConfigError

_SEED = 0x5A3F
"""Folded into the step's seed, which dropout and mixing draw from too."""

_NEVER = -1e9
"""Logit of a drawn leaf that is the photo's own: it is counted once."""


def check_sample(count: int | None, *, num_leaves: int) -> None:
    """Raises:
    ConfigError: if more leaves would be drawn than there are.
    """
    if count is not None and count > num_leaves:
        raise ConfigError(
            f"trainer.sampled_softmax: at most all {num_leaves:,} leaves of the taxonomy can be "
            f"drawn. Received: {count:,}. Lower it, or set it to null for the full softmax, which "
            "suits so few leaves."
        )


def draw_leaves(num_leaves: int, count: int, seed: tf.Tensor) -> tf.Tensor:
    """Returns int64 [K], distinct leaves, a pure function of the seed.

    Args:
        num_leaves: N.
        count: K.
        seed: int32 [2] of the step.
    """
    own_seed = tf.random.experimental.stateless_fold_in(seed, _SEED)
    # Unless its generator is named, XLA draws otherwise than TensorFlow where a seed is negative.
    lots = tf.random.stateless_uniform([num_leaves], own_seed, None, None, tf.int32, alg="philox")
    return tf.cast(tf.math.top_k(lots, count, sorted=False).indices, tf.int64)


def sampled_crossentropy(
    mixed: Mixed,
    features: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor,
    drawn: tf.Tensor,
    *,
    smoothing: float,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the losses, float32 [B], and the logits of the leaves compared, float32 [B, 1 + K].

    The first logit is the photo's own leaf, where none is higher it was named rightly; drawn leaves
    follow, uncorrected.

    Args:
        mixed: the batch's labels, with shares where photos are mixed.
        features: float32 [B, C], what the last layer sees.
        kernel: float32 [C, N] of the last layer.
        bias: float32 [N].
        drawn: int64 [K], distinct leaves.
        smoothing: s, 0 <= s < 1.
    """
    is_mixed = mixed.partner_labels is not mixed.labels
    targets = [mixed.labels, mixed.partner_labels] if is_mixed else [mixed.labels]
    wanted = tf.concat([*targets, drawn], axis=0)
    # One gather: its gradient is as large as the kernel, and two would be summed. Along the second
    # axis, for the bias too: along the first the gradient comes as slices, a leaf may have several
    # of them, and a global norm over slices is not that of their sums.
    columns = tf.gather(kernel, wanted, axis=1)
    offsets = tf.gather(tf.reshape(bias, [1, -1]), wanted, axis=1)[0]
    count, rows = drawn.shape[0], tf.shape(features)[0]
    known = rows * len(targets)
    others = tf.matmul(features, columns[:, known:]) + offsets[known:]
    own_columns = tf.split(tf.transpose(columns[:, :known]), len(targets))
    own_offsets = tf.split(offsets[:known], len(targets))
    own = [
        tf.reduce_sum(features * column, axis=1) + offset
        for column, offset in zip(own_columns, own_offsets, strict=True)
    ]
    taken = tf.reduce_any([tf.equal(each[:, None], drawn) for each in targets], axis=0)
    competing = tf.where(taken, _NEVER, others)
    correction = math.log(kernel.shape[1] / count)
    log_sums = [tf.reduce_logsumexp(competing + correction, axis=1), own[0]]
    if is_mixed:
        same = tf.equal(mixed.labels, mixed.partner_labels)
        log_sums.append(tf.where(same, _NEVER, own[1]))
    log_total = tf.reduce_logsumexp(tf.stack(log_sums, axis=1), axis=1)
    target = mixed.share * own[0] + (1 - mixed.share) * own[1] if is_mixed else own[0]
    losses = log_total - (1 - smoothing) * target - smoothing * tf.reduce_mean(others, axis=1)
    return losses, tf.concat([own[0][:, None], competing], axis=1)
