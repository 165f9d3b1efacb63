"""The latest steps, and whether their losses were finite.

Reading a loss waits for the device, so that a loop that did it at each step would keep a GPU idle
between steps. A step's loss therefore stays on the device, beside what an error must name; every
`READ_EVERY_STEPS` steps all of them are read in one transfer. A loss that is not finite is thus
found at most `READ_EVERY_STEPS - 1` steps after its own, and always before a checkpoint is written.

With mixed_float16 a gradient that overflows under its scale is normal (the optimizer skips the step
and lowers the scale): what is watched is the loss before it is scaled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.progressive_trainer.photo_files import UNKNOWN_ID
from schemas.errors import FieldmarkError

READ_EVERY_STEPS = 8
"""Costs one wait in 8 steps; several machines agree to stop within so many."""

MOST_IDS_SHOWN = 256
"""Photo ids that an error names: more would hide what else it says."""


@dataclass(frozen=True)
class Step:
    """A step that was taken.

    Attributes:
        number: 1 for the first of the run.
        stage: 1 for the first.
        learning_rate: its rate.
        loss: float32 scalar on the device, sum over the global batch, before loss scaling.
        stops: float32 scalar on the device: replicas whose process was asked to stop.
        photo_ids: int64 [B] on each replica.
    """

    number: int
    stage: int
    learning_rate: float
    loss: Any
    stops: Any
    photo_ids: Any


@dataclass(frozen=True)
class Reading:
    """What the steps since the last reading say.

    Attributes:
        bad: the first step with a loss that is not finite.
        loss: that loss.
        stop: whether any process was asked to stop.
    """

    bad: Step | None
    loss: float
    stop: bool


class StepWatch:
    """The steps that have not been read yet, and the last one taken."""

    def __init__(self) -> None:
        self._unread: list[Step] = []
        self.last: Step | None = None

    def add(self, step: Step) -> None:
        """Remembers a step, without waiting for it."""
        self._unread.append(step)
        self.last = step

    @property
    def due(self) -> bool:
        """Whether it is time to read: the same on all machines, which count the same steps."""
        return len(self._unread) >= READ_EVERY_STEPS

    def read(self) -> Reading:
        """Waits for the steps, and forgets them."""
        steps, self._unread = self._unread, []
        losses = _values([step.loss for step in steps])
        stop = bool((_values([step.stops for step in steps]) > 0).any())
        for step, loss in zip(steps, losses, strict=True):
            if not np.isfinite(loss):
                return Reading(step, float(loss), stop)
        return Reading(None, 0.0, stop)

    def all_finite(self) -> bool:
        """Waits for the steps, and leaves them to be read."""
        return bool(np.isfinite(_values([step.loss for step in self._unread])).all())


class NonFiniteError(FieldmarkError):
    """Training ran into a number that is no number.

    Args:
        what: what was not finite and what came, the start of a sentence.
        step: the step it was in, or the last one before it.
        steps: steps of the run.
        precision: `trainer.precision`.
        photo_ids: int64 [B], of the step's global batch.
        kept: directory of the checkpoints; None if none are kept.
    """

    def __init__(
        self,
        what: str,
        step: Step,
        *,
        steps: int,
        precision: str,
        photo_ids: Sequence[int],
        kept: str | None,
    ) -> None:
        half = " Set trainer.precision to float32." if precision == "mixed_float16" else ""
        checkpoint = f"The checkpoint before it stays in {kept}." if kept else ""
        super().__init__(
            f"{what} (step {step.number:,} of {steps:,}, stage {step.stage}, learning rate "
            f"{step.learning_rate:.4g}, precision {precision}); a number that is not finite spoils "
            "every weight after it, so that training ended here. Lower the learning rate of the "
            f"schedule, or set trainer.clip_global_norm lower.{half} Should it stay in the same "
            f"place, look at the photos of that step: {_listed(photo_ids)}. {checkpoint}".rstrip()
        )


def first_non_finite(variables: Sequence[keras.Variable]) -> str | None:
    """Returns the path of the first variable that holds a value that is not finite, or None."""
    for variable in variables:
        value = keras.ops.convert_to_numpy(variable)
        if np.issubdtype(value.dtype, np.floating) and not np.isfinite(value).all():
            return str(variable.path)
    return None


def _values(tensors: list[Any]) -> np.ndarray:
    return tf.stack(tensors).numpy() if tensors else np.zeros(0)


def _listed(photo_ids: Sequence[int]) -> str:
    known = [str(number) for number in photo_ids if number != UNKNOWN_ID]
    if not known:
        return "their ids are not in the records"
    more = len(known) - MOST_IDS_SHOWN
    shown = ", ".join(known[:MOST_IDS_SHOWN])
    return f"{shown} and {more:,} more, all of them in the log" if more > 0 else shown
