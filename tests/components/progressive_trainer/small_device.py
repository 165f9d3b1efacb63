"""A device that runs out of memory, and a network that is the same in parts and whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest import mock

import keras
import tensorflow as tf

from components.progressive_trainer import networks
from components.progressive_trainer.schedule import Stage
from components.progressive_trainer.steps import Steps


@contextmanager
def holding(photos: int, *, steps: int = 0) -> Iterator[list[tuple[int, int]]]:
    """Training steps over more photos at a time fail, having spoilt a weight.

    Args:
        photos: as many as fit.
        steps: of each stage that go well even so.

    Yields:
        (stage, parts) of each step that failed.
    """
    training, failed = Steps.training, []

    def limited(self: Steps, stage: Stage, *, parts: int = 1) -> Callable[..., Any]:
        step = training(self, stage, parts=parts)
        at_a_time = -(-stage.global_batch // self._devices.replicas // parts)

        went_well = count()

        def failing(*given: Any) -> Any:
            if next(went_well) < steps:
                return step(*given)
            failed.append((stage.index, parts))
            first = self._model.trainable_variables[0]
            first.assign(keras.ops.convert_to_numpy(first) + 1.0)  # an update that got through
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

        return step if at_a_time <= photos else failing

    with mock.patch.object(Steps, "training", limited):
        yield failed


def without_batch_norm(features: Any, width: int, *, stride: int) -> Any:
    """Stands in for `networks._conv`."""
    return keras.layers.Conv2D(width, 3, strides=stride, padding="same", activation="relu")(
        features
    )


@contextmanager
def plain_network(widths: tuple[int, ...]) -> Iterator[None]:
    """`small` is as thin as that, and has no BatchNormalization."""
    with (
        mock.patch.object(networks, "SMALL_WIDTHS", widths),
        mock.patch.object(networks, "_conv", without_batch_norm),
    ):
        yield
