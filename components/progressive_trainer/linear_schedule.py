"""Stages filled in between two ends, which are as they are given.

Sizes, dropout, augmentation, mixing and label smoothing move in equal steps, batches in equal
ratios; the learning rate follows the batch. A size between the ends is one that the networks halve
without a remainder, unless none of these lies between them: then it is the exact one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from components.progressive_trainer.schedule_settings import (
    LinearSchedule,
    RateScaling,
    StageSettings,
)


def linear_stages(linear: LinearSchedule) -> tuple[StageSettings, ...]:
    """Returns the stages of a linear schedule, the ends included."""
    count = linear.stages

    def between(ends: tuple[float, float], index: int) -> float:
        return ends[0] + (ends[1] - ends[0]) * (index / (count - 1) if count > 1 else 1.0)

    def batch(index: int) -> int | Literal["auto"]:
        first, last = linear.global_batch
        if first == "auto" or last == "auto":
            return "auto"
        if index == count - 1:
            return last
        if index == 0:
            return first
        exact = math.exp(between((math.log(first), math.log(last)), index))
        return rounded(exact, linear.batch_multiple)

    def size(index: int) -> int:
        ends, exact = linear.image_size_px, between(linear.image_size_px, index)
        if exact in ends:
            return int(exact)
        nearest = rounded(exact, linear.size_multiple_px)
        return nearest if min(ends) <= nearest <= max(ends) else round(exact)

    def stage(index: int) -> StageSettings:
        return StageSettings(
            image_size_px=size(index),
            global_batch=batch(index),
            epochs=between(linear.epochs, index),
            learning_rate=linear.learning_rate,
            learning_rate_batch=linear.learning_rate_batch,
            learning_rate_scaling=linear.learning_rate_scaling,
            dropout=between(linear.dropout, index),
            augment=between(linear.augment, index),
            rand_augment=between(linear.rand_augment, index),
            mixup=between(linear.mixup, index),
            cutmix=between(linear.cutmix, index),
            label_smoothing=between(linear.label_smoothing, index),
            trainable=of_stage(linear.trainable, index),
        )

    return tuple(stage(index) for index in range(count))


def of_stage(trainable: Sequence[str], index: int) -> str:
    """Returns what learns in a stage, where one entry may stand for all of them."""
    return trainable[0] if len(trainable) == 1 else trainable[index]


def rounded(value: float, multiple: int) -> int:
    """Returns the nearest multiple, at least one."""
    return max(1, round(value / multiple)) * multiple


def rate_factor(batch: int, reference_batch: int, scaling: RateScaling | None) -> float:
    """Returns what a rate meant at `reference_batch` is multiplied by at `batch`.

    Linear: Goyal et al. 2017, for SGD. Square root: Krizhevsky 2014; Malladi et al. 2022 show it
    for Adam. None is left in a schedule that belongs to no trainer: the square root, as for the
    optimizer that a trainer has by default.
    """
    share = batch / reference_batch
    return {"linear": share, "sqrt": math.sqrt(share), "none": 1.0}[scaling or "sqrt"]
