"""A training step that ran out of the device's memory, and where the run can go on from.

with step_memory(stage):
    step(...)                        # raises StepOutOfMemory
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from components.progressive_trainer.checkpoint import Checkpoint
from components.progressive_trainer.return_point import ReturnPoint
from components.progressive_trainer.schedule import Stage
from schemas.errors import FieldmarkError

COVERED_STEPS = 2
"""A stage's steps are alike: what fits in its first two fits in all. They can be taken back."""


class StepOutOfMemory(Exception):
    """A step of a stage did not fit the memory; it may have changed some variables.

    Args:
        stage: the stage.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        super().__init__(f"out of memory in stage {stage.index + 1}")


_SAYS_SO = (
    "RESOURCE_EXHAUSTED",
    "Out of memory while trying to allocate",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDA_ERROR_OUT_OF_MEMORY",
)


def is_out_of_memory(error: tf.errors.OpError) -> bool:
    """Whether a device ran out of memory: a convolution that finds no room to work in says NotFound
    ("No algorithm worked!"), cuDNN and cuBLAS say Internal or Unknown, with the reason in words."""
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return True
    return any(words in str(error.message) for words in _SAYS_SO)


@contextmanager
def step_memory(stage: Stage) -> Iterator[None]:
    """Turns TensorFlow's error into one that says which stage it was in."""
    try:
        yield
    except tf.errors.OpError as error:
        if not is_out_of_memory(error):
            raise
        raise StepOutOfMemory(stage) from error


def place_to_go_back_to(
    error: StepOutOfMemory, point: ReturnPoint | None, latest: Checkpoint | None, *, workers: int
) -> ReturnPoint | Checkpoint:
    """Returns the nearest place from before the step that failed.

    Args:
        error: what happened.
        point: from before the stage's first steps, while they are covered.
        latest: the newest checkpoint.
        workers: machines; only a run on one of them can go back by itself.

    Raises:
        FieldmarkError: if there is no such place.
    """
    places = [each for each in (latest, point) if each is not None]
    if places and workers == 1:
        return max(places, key=lambda each: each.examples_seen)
    stage = error.stage
    why = (
        f"one of {workers} machines cannot take a step back that the others have taken"
        if workers > 1
        else "no checkpoint is kept to go back to"
    )
    raise FieldmarkError(
        f"A device ran out of memory in stage {stage.index + 1}, at {stage.image_size_px} px and a "
        f"global batch of {stage.global_batch}, and {why}. Lower the stage's global_batch, or set "
        "it to auto."
    ) from error
