"""A gradient that overflows under its loss scale, in one step and on this machine alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import tensorflow as tf

from components.progressive_trainer.steps import Steps


@contextmanager
def overflowing(seen: int) -> Iterator[None]:
    """For steps traced inside: infinity in the gradient of that after so many photos.

    It is that of the first layer: what overflows above a synchronised BatchNormalization reaches
    all replicas through its sums.
    """
    losses, apply = Steps._losses, Steps._apply
    seeds: list[tf.Tensor] = []

    def noting(steps: Steps, mixed: Any, features: Any, smoothing: float, seed: tf.Tensor) -> Any:
        seeds.append(seed)
        return losses(steps, mixed, features, smoothing, seed)

    def spoilt(steps: Steps, gradients: list[tf.Tensor], variables: Any) -> None:
        first, *others = gradients
        overflows = tf.equal(seeds[-1][1], seen)
        first = tf.where(overflows, tf.constant(float("inf"), first.dtype), first)
        apply(steps, [first, *others], variables)

    with mock.patch.object(Steps, "_losses", noting), mock.patch.object(Steps, "_apply", spoilt):
        yield
