"""What a photo counts in the training loss, by how many photos its leaf has: the long tail.

A photo of a leaf with n training photos weighs n^-p, scaled so that the mean over all training
photos is 1: the learning rate keeps its meaning. With p = 0 all photos count alike; with p = 1 all
leaves do; p = 0.5 lies between, where rare leaves gain and common ones hardly lose. (The effective
number of Cui et al. 2019 is a curve between the same ends, with a parameter that is harder to say
in words; it is not offered.)

    weights = leaf_weights(np.array([900, 90, 10]), power=0.5)         # float32 [3]
    mixed, weight = weigh(mixed, tf.constant(weights))                 # in the step
    losses = weight * mixed_crossentropy(mixed, logits, smoothing)

The sum of a batch is divided by its photos and not by their weights: so the mean over an epoch is
that of the weighted photos, whatever the batch and the replicas.

Balanced *sampling* is not offered. It draws photos of rare leaves more than once an epoch, which
takes an index over all records or an epoch whose length is known only after a pass: 30 million
records in compressed files allow neither a seek nor an order in bounded memory, and the stream's
law, that photo number e of a run is a pure function and an epoch is every photo once, would fall.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from components.progressive_trainer.mixing import Mixed
from schemas.errors import FieldmarkError


def leaf_weights(counts: np.ndarray, *, power: float) -> np.ndarray:
    """Returns float32 [N], what a photo of each leaf counts.

    Args:
        counts: int64 [N], training photos of each leaf; at least one photo in all.
        power: p, 0..1.
    """
    raw = np.maximum(counts, 1).astype(np.float64) ** -power
    mean = (counts * raw).sum() / counts.sum()
    return (raw / mean).astype(np.float32)


def weigh(mixed: Mixed, weights: tf.Tensor) -> tuple[Mixed, tf.Tensor]:
    """Returns the batch with its shares weighted, and what its losses are to be multiplied by.

    Of a mixed photo each label counts by its own leaf: s * w(a) * CE(a) + (1 - s) * w(b) * CE(b).
    That is W * (t * CE(a) + (1 - t) * CE(b)) with W = s * w(a) + (1 - s) * w(b), t = s * w(a) / W,
    so that any loss of mixed photos serves.

    Args:
        mixed: from `mix`.
        weights: float32 [N], from `leaf_weights`.

    Returns:
        (batch with share t, float32 [B] W).
    """
    own = mixed.share * tf.gather(weights, mixed.labels)
    weight = own + (1 - mixed.share) * tf.gather(weights, mixed.partner_labels)
    return mixed._replace(share=own / weight), weight


def counts_of_leaves(labels: np.ndarray, *, num_leaves: int) -> np.ndarray:
    """Returns int64 [N], photos of each leaf.

    Args:
        labels: int64 [largest label + 1], photos of each label.
        num_leaves: N.

    Raises:
        FieldmarkError: if a label is not that of a leaf.
    """
    if len(labels) > num_leaves:
        raise FieldmarkError(
            f"A training photo has the label {len(labels) - 1}, and the taxonomy has leaves 0 to "
            f"{num_leaves - 1}. The records were made with another taxonomy: run Transform again."
        )
    return np.pad(labels, (0, num_leaves - len(labels)))
