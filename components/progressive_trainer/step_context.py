"""Dropout and stochastic depth whose seed, and dropout's rate, are inputs of the training step.

Keras bakes a layer's rate into the traced step, so that setting `layer.rate` between stages is
ignored; its masks come from a state of their own, equal on all replicas and unknown to a
checkpoint. Here the step opens a context, and the layers read rate and seed from it: no
retrace when the rate moves, masks that are a pure function of the step's seed, and the same masks
for the same photos however many replicas share the batch.

    with step_context(rate=tensor, seed=seed, first_row=replica * local_batch, rows=global_batch):
        logits = model(images, training=True)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf


@dataclass(frozen=True)
class _Step:
    rate: tf.Tensor
    seed: tf.Tensor
    first_row: tf.Tensor
    rows: int


_STEP: ContextVar[_Step | None] = ContextVar("step", default=None)


@contextmanager
def step_context(
    *, rate: tf.Tensor, seed: tf.Tensor, first_row: tf.Tensor, rows: int
) -> Iterator[None]:
    """Gives the layers called inside their rate and seed.

    Args:
        rate: float32 scalar, share of features dropped, 0 <= rate < 1.
        seed: int32 [2], of this step.
        first_row: int32 scalar, index in the global batch of this replica's first photo.
        rows: photos in the global batch.
    """
    token = _STEP.set(_Step(rate, seed, first_row, rows))
    try:
        yield
    finally:
        _STEP.reset(token)


@keras.saving.register_keras_serializable(package="fieldmark")
class StageDropout(keras.layers.Layer):
    """Drops features at the rate of the current step; does nothing outside training."""

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Args: features: float [B, C]. Returns: float [B, C], its mean kept."""
        if not training:
            return features
        step = _current_step(self)
        drawn = _rows_here(step, uniform([step.rows, features.shape[-1]], step.seed), features)
        rate = tf.cast(step.rate, features.dtype)
        keep = tf.cast(drawn >= step.rate, features.dtype)
        return features * keep / (1 - rate)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape it came with."""
        return input_shape


@keras.saving.register_keras_serializable(package="fieldmark")
class StochasticDepth(keras.layers.Layer):
    """Drops a residual branch for some of the photos (Huang et al. 2016); nothing outside training.

    Args:
        rate: share of photos that it is dropped for, 0 <= rate < 1.
        branch: number of the branch in its network; each draws for itself.
    """

    def __init__(self, rate: float, branch: int, **options: Any) -> None:
        super().__init__(**options)
        self.rate, self.branch = rate, branch

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Args: features: float [B, H, W, C]. Returns: float [B, H, W, C], its mean kept."""
        if not training:
            return features
        step = _current_step(self)
        seed = tf.random.experimental.stateless_fold_in(step.seed, self.branch)
        drawn = _rows_here(step, uniform([step.rows, 1, 1, 1], seed), features)
        return features * tf.cast(drawn >= self.rate, features.dtype) / (1 - self.rate)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape it came with."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What it was made with."""
        return {**super().get_config(), "rate": self.rate, "branch": self.branch}


def _current_step(layer: keras.layers.Layer) -> _Step:
    step = _STEP.get()
    if step is None:
        raise RuntimeError(f"{type(layer).__name__} was called in training without a step_context.")
    return step


def _rows_here(step: _Step, drawn: tf.Tensor, features: tf.Tensor) -> tf.Tensor:
    """Of what was drawn for the global batch, the rows of this replica's photos."""
    return drawn[step.first_row : step.first_row + tf.shape(features)[0]]


def uniform(shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    """Returns float32 of `shape`, 0 <= x < 1: `tf.random.stateless_uniform`, with XLA and without.

    XLA draws the same bits and makes other numbers of them. These are made here, as TensorFlow
    makes them: of the lower 23 bits.
    """
    bits = tf.random.stateless_uniform(
        shape, seed, minval=None, maxval=None, dtype=tf.uint32, alg="philox"
    )
    return tf.cast(tf.bitwise.bitwise_and(bits, 2**23 - 1), tf.float32) * 2.0**-23
