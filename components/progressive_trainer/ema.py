"""The average of the weights that training leaves behind: what is validated and exported.

An exponential moving average (Polyak & Juditsky 1992; Tan & Le 2021 train with it) follows the
network as it learns, and its noise is less than that of any single step. The law: what it keeps is
a function of photos seen, and not of steps. `kept_share` of photos a..c is that of a..b times that
of b..c, so that a batch of 256 forgets what four of 64 forget, and a stage whose batch moves
averages over as many photos as one whose batch stays.

    average = WeightAverage(model, decay=0.9999, strategy=strategy)     # in the strategy's scope
    average.restart()                              # from the weights that training starts from
    average.follow(seen=51200, batch=64)           # after each step
    average.model                                  # a network of its own, in the checkpoint

All weights are averaged, the moving statistics of BatchNormalization too: a statistic belongs to
the weights that made it, and averaged weights between the statistics of today would be a mismatch.
What does not learn (a frozen backbone) stays as it is to the last bit.
"""

from __future__ import annotations

import math

import keras
import tensorflow as tf

DECAY_PHOTOS = 64
"""`trainer.ema_decay` is meant over so many photos: a common batch of published decays."""

WARM_UP_SPAN = 9
"""In the warm-up the average's mean age is 1 / (9 + 1) of the photos seen so far, as it is with the
usual min(decay, (1 + t) / (10 + t))."""


def horizon_photos(decay: float) -> float:
    """Returns the mean age of what the average holds after its warm-up, in photos.

    Args:
        decay: kept over `DECAY_PHOTOS` photos, 0 < decay < 1.
    """
    return -DECAY_PHOTOS / math.log(decay)


def kept_share(decay: float, *, seen: int, batch: int) -> float:
    """Returns the share of the average that is kept when `batch` more photos are seen, 0 <= s < 1.

    (e / (e + B))^9 in the warm-up, exp(-B / H) after it, with e photos seen and the horizon H. The
    one turns into the other at e = 9 H, where both forget alike. The first step keeps nothing.

    >>> kept_share(0.9999, seen=0, batch=64), round(kept_share(0.9999, seen=10**9, batch=64), 6)
    (0.0, 0.9999)

    Args:
        decay: kept over `DECAY_PHOTOS` photos, 0 < decay < 1.
        seen: photos of the run before the step.
        batch: photos of the step, 1 or more.
    """
    horizon = horizon_photos(decay)
    turn = WARM_UP_SPAN * horizon
    start, end = min(seen, turn), min(seen + batch, turn)
    late = max(0.0, seen + batch - turn) - max(0.0, seen - turn)
    return (start / end) ** WARM_UP_SPAN * math.exp(-late / horizon)


class WeightAverage:
    """A network whose weights are the average of another's.

    Args:
        model: the network that learns.
        decay: `trainer.ema_decay`.
        strategy: that of the model's variables, whose scope this is called in.
    """

    def __init__(
        self, model: keras.Model, *, decay: float, strategy: tf.distribute.Strategy
    ) -> None:
        self.model = keras.models.clone_model(model)
        self._decay, self._strategy = decay, strategy
        self._pairs = [
            (average.value, weight.value)
            for average, weight in zip(self.model.weights, model.weights, strict=True)
        ]
        self._move = tf.function(self._moved, autograph=False)

    def restart(self) -> None:
        """Sets the average to the weights as they are."""
        for average, weight in self._pairs:
            average.assign(weight)

    def follow(self, *, seen: int, batch: int) -> None:
        """Moves the average towards the weights after a step.

        Args:
            seen: photos of the run before the step.
            batch: photos of the step.
        """
        moved = 1 - kept_share(self._decay, seen=seen, batch=batch)
        self._move(tf.constant(moved, tf.float32))

    def _moved(self, share: tf.Tensor) -> None:
        for average, weight in self._pairs:
            self._strategy.extended.update(average, _approach, args=(weight, share), group=False)


def _approach(average: tf.Variable, weight: tf.Tensor, share: tf.Tensor) -> None:
    # In this form, and not as a sum of two shares, a weight that does not move is kept exactly.
    average.assign_add(tf.cast(share, average.dtype) * (weight - average))
