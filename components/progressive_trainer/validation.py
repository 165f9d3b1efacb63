"""Validation: every val photo once, at the size of the stage, over all replicas.

What the steps give stays on the device and is read every `READ_EVERY_STEPS` of them, as in
training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from components.progressive_trainer.damaged_file import damage_named
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.out_of_memory import is_out_of_memory
from components.progressive_trainer.photo_stream import validation_stream
from components.progressive_trainer.step_watch import READ_EVERY_STEPS
from components.progressive_trainer.stop_request import StopRequest
from schemas.errors import FieldmarkError
from schemas.events import Meter


@dataclass(frozen=True)
class Validated:
    """What a validation found.

    Attributes:
        loss: mean log loss.
        top1: share of photos whose leaf was the first.
        top3: among the first three.
        top5: among the first five.
        secs: how long it took.
    """

    loss: float
    top1: float
    top3: float
    top5: float
    secs: float

    def means(self) -> dict[str, float]:
        """Returns the figures by name."""
        return {"loss": self.loss, "top1": self.top1, "top3": self.top3, "top5": self.top5}


def validate(
    step: Callable[..., Any],
    files: Sequence[str],
    *,
    num_photos: int,
    image_size_px: int,
    global_batch: int,
    devices: Devices,
    stop: StopRequest,
    clock: Callable[[], float] = time.monotonic,
) -> Validated | None:
    """Returns the means over all photos; None if any process was asked to stop.

    Args:
        step: from `Steps.validation`.
        files: TFRecord files (gzip) of transformed records.
        num_photos: records in all the files together.
        image_size_px: side of the square that the network sees.
        global_batch: photos a step over all replicas.
        devices: where to run.
        stop: of this process; all processes leave after the same step.
        clock: seconds.
    """

    started_secs = clock()
    sums = sums_over(
        step,
        files,
        num_photos=num_photos,
        image_size_px=image_size_px,
        global_batch=global_batch,
        devices=devices,
        stop=stop,
    )
    if sums is None:
        return None
    loss, top1, top3, top5 = (float(total) for total in sums / num_photos)
    return Validated(loss, top1, top3, top5, clock() - started_secs)


def sums_over(
    step: Callable[..., Any],
    files: Sequence[str],
    *,
    num_photos: int,
    image_size_px: int,
    global_batch: int,
    devices: Devices,
    stop: StopRequest,
    label: str = "validating",
) -> np.ndarray | None:
    """Returns float64 [K]: the sums of a step over all photos; None if any process was to stop.

    Args:
        step: takes (images, labels, weights, stop) and gives float32 tensors, of K values together,
            and the number of replicas whose process was asked to stop.
        files: as for `validate`.
        num_photos: the same.
        image_size_px: the same.
        global_batch: the same.
        devices: the same.
        stop: the same.
        label: what is being done, for people.
    """

    def make(_: tf.distribute.InputContext) -> tf.data.Dataset:
        return validation_stream(
            files,
            num_photos=num_photos,
            image_size_px=image_size_px,
            global_batch=global_batch,
            share=devices.share,
        )

    meter = Meter(label, total=num_photos, unit="photos", within="training")
    totals: np.ndarray | None = None
    unread: list[Any] = []
    last, alone = -(-num_photos // global_batch), devices.share.workers == 1
    batches = devices.strategy.distribute_datasets_from_function(make)
    with damage_named(files), _told_what_to_lower(label, image_size_px, global_batch):
        for number, batch in enumerate(batches, start=1):
            unread.append(step(*batch, tf.constant(stop.flag(), tf.float32)))
            asked = alone and stop.requested
            if len(unread) < READ_EVERY_STEPS and number < last and not asked:
                continue
            read, unread = _values(unread), []
            if read[:, -1].any():
                return None
            for each in read[:, :-1]:
                totals = each if totals is None else totals + each
            meter.add(min(number * global_batch, num_photos) - meter.done)
    meter.close()
    return totals


@contextmanager
def _told_what_to_lower(label: str, image_size_px: int, global_batch: int) -> Iterator[None]:
    try:
        yield
    except tf.errors.OpError as error:
        if not is_out_of_memory(error):
            raise
        raise FieldmarkError(
            f"A device ran out of memory while {label} at {image_size_px} px with a "
            f"trainer.eval_batch of {global_batch}. Lower trainer.eval_batch."
        ) from error


def _values(given: list[Any]) -> np.ndarray:
    """float64 [steps, K + 1]: what the steps gave, stops last, once they are done."""
    parts = (tf.stack(list(part)).numpy().astype(np.float64) for part in zip(*given, strict=True))
    return np.concatenate([part.reshape(len(given), -1) for part in parts], axis=1)
