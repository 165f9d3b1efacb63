"""Validation: every val photo once, at the size of the stage, over all replicas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.progressive_trainer.devices import Devices
from components.progressive_trainer.photo_stream import validation_stream
from components.progressive_trainer.stop_request import StopRequest


def validate(
    step: Callable[..., Any],
    files: Sequence[str],
    *,
    num_photos: int,
    image_size_px: int,
    global_batch: int,
    devices: Devices,
    stop: StopRequest,
) -> tuple[float, float] | None:
    """Returns (mean log loss, top-1) over all photos; None if any process was asked to stop.

    Args:
        step: from `Steps.validation`.
        files: TFRecord files (gzip) of transformed records.
        num_photos: records in all the files together.
        image_size_px: side of the square that the network sees.
        global_batch: photos a step over all replicas.
        devices: where to run.
        stop: of this process; all processes leave after the same step.
    """

    def make(_: tf.distribute.InputContext) -> tf.data.Dataset:
        return validation_stream(
            files,
            num_photos=num_photos,
            image_size_px=image_size_px,
            global_batch=global_batch,
            share=devices.share,
        )

    totals = np.zeros(2)
    for batch in devices.strategy.distribute_datasets_from_function(make):
        loss, correct, stops = (
            float(part) for part in step(*batch, tf.constant(stop.flag(), tf.float32))
        )
        if stops:
            return None
        totals += [loss, correct]
    return float(totals[0] / num_photos), float(totals[1] / num_photos)
