"""What the host gives a training step beside its photos: a few scalars, each a tensor.

The law: they follow from settings, plan and photos seen alone, save `stop`, so that a run that was
stopped gives its steps what they would have had; and none of them is baked into the traced step.

    loss, hits, stops = step(images, labels, *step_inputs(stage, seen, rate=1e-3, seed=1, stop=0.0))
"""

from __future__ import annotations

import tensorflow as tf

from components.progressive_trainer.schedule import Stage

SEEDS = 2**31 - 1
"""A step's seed is int32; after so many photos the draws of steps begin anew."""


def step_inputs(
    stage: Stage, seen: int, *, rate: float, seed: int, stop: float
) -> tuple[tf.Tensor, ...]:
    """Returns learning rate, dropout, seed and stop, as `Steps.training` takes them.

    Args:
        stage: the stage.
        seen: photos of the run seen before the step.
        rate: learning rate.
        seed: of the run.
        stop: 1 if this process was asked to stop, else 0.
    """
    with tf.device("CPU:0"):  # made on a GPU, a new value would wait for the step before
        return (
            tf.constant(rate, tf.float32),
            tf.constant(stage.dropout, tf.float32),
            tf.constant([seed, seen % SEEDS], tf.int32),
            tf.constant(stop, tf.float32),
        )
