"""One answer of all replicas to a gradient that overflowed under its loss scale.

Keras's LossScaleOptimizer skips a step whose gradient is not finite, and looks at the gradient of
each replica by itself, before they are summed. Where one replica overflows and another does not,
the one skips while the other waits for its part of the sum: on GPUs and on several machines for
ever. Here each replica learns first whether any overflowed, and then all skip or none.

    gradients = skipped_by_all_or_none(gradients)     # in a replica context, inside a tf.function
    optimizer.apply(gradients, variables)
"""

from __future__ import annotations

import tensorflow as tf


def skipped_by_all_or_none(gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """Returns the gradients; with a NaN in the first of them if any replica's are not finite.

    Args:
        gradients: of this replica, dense, scaled.
    """
    finite = [tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients]
    overflowed = tf.cast(tf.logical_not(tf.reduce_all(finite)), tf.float32)
    replicas = tf.distribute.get_replica_context()
    any_overflowed = replicas.all_reduce(tf.distribute.ReduceOp.SUM, overflowed) > 0
    first = gradients[0]
    spoilt = tf.fill(tf.shape(first), tf.constant(float("nan"), first.dtype))
    return [tf.where(any_overflowed, spoilt, first), *gradients[1:]]
