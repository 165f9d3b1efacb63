"""The optimizers, with gradient clipping that is right on several replicas.

Keras clips each replica's gradients before it sums them, which is another number than clipping the
sum. Here the sum is clipped: the step is the same for any number of replicas.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from components.progressive_trainer.config import TrainerSettings

NOT_DECAYED = ("bias", "gamma", "beta")
"""Variables that weight decay leaves alone: shrinking them regularises nothing."""


def build_optimizer(settings: TrainerSettings) -> keras.optimizers.Optimizer:
    """Returns the optimizer; its learning rate is set before each step."""
    decay = settings.weight_decay or None
    base: type[keras.optimizers.Optimizer]
    options: dict[str, Any]
    if settings.optimizer == "adamw":
        # Keras's AdamW refuses to do without a decay; without one it is Adam.
        base, options = keras.optimizers.AdamW if decay else keras.optimizers.Adam, {}
    elif settings.optimizer == "rmsprop":
        # As iNaturalist trains: an epsilon this large tames the first steps.
        base, options = keras.optimizers.RMSprop, {"rho": 0.9, "momentum": 0.9, "epsilon": 1.0}
    else:
        base, options = keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}
    clipped = _clipping(base, settings.clip_global_norm)
    optimizer = clipped(learning_rate=0.0, weight_decay=decay, **options)
    if decay:
        optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    if settings.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def set_learning_rate(optimizer: keras.optimizers.Optimizer, rate: float | tf.Tensor) -> None:
    """Sets the rate of the next step, inside a loss-scaling wrapper too; in a graph or not."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    inner.learning_rate.assign(rate)


def start_anew(optimizer: keras.optimizers.Optimizer) -> None:
    """Forgets the steps so far, before weights that have stood still begin to move.

    Adam divides by what its averages have gathered since step 1, for all variables alike. Averages
    that begin with zero later than that are taken for full ones: after 2,000 steps the first ten of
    a thawed weight would be two to six times too large. Only Adam needs it: SGD's momentum
    begins with zero at any time, and RMSprop's epsilon of 1 outweighs its average.

    Args:
        optimizer: from `build_optimizer`, built. A loss scale and the learning rate stay.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if not isinstance(inner, keras.optimizers.Adam):
        return
    for variable in inner.variables:  # the count of steps, both averages, and the rate
        if variable is not inner.learning_rate:
            variable.assign(keras.ops.zeros_like(variable))


def _clipping(
    base: type[keras.optimizers.Optimizer], global_norm: float | None
) -> type[keras.optimizers.Optimizer]:
    if global_norm is None:
        return base

    class Clipping(base):
        # A private method of Keras, so Keras is pinned and a test compares replicas. It is where
        # TensorFlow's back end sums gradients over replicas.
        def _all_reduce_sum_gradients(
            self, gradients_and_variables: list[tuple[Any, Any]]
        ) -> list[tuple[Any, Any]]:
            summed = super()._all_reduce_sum_gradients(gradients_and_variables)
            gradients, _ = tf.clip_by_global_norm([pair[0] for pair in summed], global_norm)
            return [(g, pair[1]) for g, pair in zip(gradients, summed, strict=True)]

    Clipping.__name__ = f"Clipping{base.__name__}"
    return Clipping
