"""Gradients of a batch that does not fit the memory: computed in parts, one by one, and added.

The law: in parts or whole, the gradients, the losses and the random draws of the photos are the
same. What is not the same is BatchNormalization in training: its statistics are of a part. Its
moving averages follow at the same pace, since each of k parts moves them by the k-th root of the
momentum.

    gradients, losses, hits = in_parts(learned, mixed, first_row, parts=2)
    with slower_averages(model, parts=2): ...              # round what traces the step
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

from components.progressive_trainer.mixing import Mixed

Learned = tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]
"""Gradients, of the sum over photos divided by the global batch; float32 [B] losses and hits."""


def in_parts(
    learned: Callable[[Mixed, tf.Tensor], Learned],
    mixed: Mixed,
    first_row: tf.Tensor,
    *,
    parts: int,
) -> Learned:
    """Returns what `learned` gives for a replica's batch, never holding more than a part of it.

    A loop of the graph would do too, were it allowed to sum over replicas inside (synchronised
    BatchNormalization does): so the parts are written out, and each waits for the one before.

    Args:
        learned: takes a batch and the place of its first photo in the global batch.
        mixed: the replica's batch, of a static size.
        first_row: int32 scalar, place of its first photo.
        parts: how many, at most a photo each.
    """
    if parts == 1:
        return learned(mixed, first_row)
    total: list[tf.Tensor] = []
    losses, hits = [], []
    for start, end in part_bounds(int(mixed.labels.shape[0]), parts):
        with tf.control_dependencies(total):
            part = _rows(mixed, start, end)
            gradients, loss, hit = learned(part, first_row + start)
            dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
            total = [a + b for a, b in zip(total, dense, strict=True)] if total else dense
        losses.append(loss)
        hits.append(hit)
    return total, tf.concat(losses, axis=0), tf.concat(hits, axis=0)


def part_bounds(rows: int, parts: int) -> list[tuple[int, int]]:
    """Returns (first row, row after the last) of each part, as equal as they can be."""
    return [(index * rows // parts, (index + 1) * rows // parts) for index in range(parts)]


def _rows(mixed: Mixed, start: int, end: int) -> Mixed:
    # The identity takes the control dependency: a slice of a constant would not wait.
    images, labels, share = (
        tf.identity(values[start:end]) for values in (mixed.images, mixed.labels, mixed.share)
    )
    # That they are one tensor says that nothing was mixed.
    unmixed = mixed.partner_labels is mixed.labels
    partners = labels if unmixed else tf.identity(mixed.partner_labels[start:end])
    return Mixed(images, labels, partners, share)


@contextmanager
def slower_averages(layer: keras.Layer, *, parts: int) -> Iterator[None]:
    """While a step is traced: `parts` updates of BatchNormalization's averages weigh as one."""
    norms = [
        inner
        for inner in layer._flatten_layers(include_self=False, recursive=True)
        if isinstance(inner, keras.layers.BatchNormalization)
    ]
    momenta = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.momentum = norm.momentum ** (1 / parts)
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
