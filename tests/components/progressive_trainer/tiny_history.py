"""Stages and rows of a run that never took place."""

from __future__ import annotations

from typing import Any

from components.progressive_trainer.epochs import Sums
from components.progressive_trainer.history_rows import (
    EPOCH,
    STEPS,
    Place,
    training_row,
    validation_row,
)
from components.progressive_trainer.schedule import Stage
from components.progressive_trainer.validation import Validated


def tiny_stage(
    index: int = 0,
    *,
    size: int = 32,
    batch: int = 10,
    steps: int = 20,
    start: int = 0,
    trainable: str = "all",
) -> Stage:
    return Stage(
        index=index,
        image_size_px=size,
        global_batch=batch,
        steps=steps,
        start_examples=start,
        peak_learning_rate=0.1,
        dropout=0.0,
        augment=0.0,
        label_smoothing=0.0,
        trainable=trainable,
    )


def tiny_rows(count: int) -> list[dict[str, Any]]:
    """`count` times five steps that were an epoch, with a validation."""
    rows = []
    for number in range(1, count + 1):
        place = Place(
            tiny_stage(),
            step=5 * number,
            examples_seen=50 * number,
            epoch=float(number),
            learning_rate=0.1 / number,
            wall_secs=4.0 * number,
            devices=2,
        )
        sums = Sums(5, 50, loss=75.0 / number, hits=(10.0, 20.0, 25.0), data_wait_secs=0.5, secs=2)
        rows += [training_row(place, kind, sums) for kind in (STEPS, EPOCH)]
        rows.append(validation_row(place, Validated(2.0, 0.25, 0.5, 0.75, secs=0.5), 20))
    return rows
