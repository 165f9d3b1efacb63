"""Whether a run's numbers are finite where they must be: after validation, before a checkpoint.

Losses are watched as they come (`step_watch`); here it is the weights, which the last step before
may have spoilt, its own loss being finite. The law: all machines find out at the same step, and no
checkpoint holds a number that is not finite.

    check = FiniteCheck(learner, devices, precision="float32", kept=checkpoints.directory)
    check.after_validation(validated.loss, watch.last, steps=1200)     # raises NonFiniteError
    if check.may_be_kept(watch): ...
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from components.progressive_trainer.devices import Devices
from components.progressive_trainer.learner import Learner
from components.progressive_trainer.step_watch import (
    NonFiniteError,
    Step,
    StepWatch,
    first_non_finite,
)


class FiniteCheck:
    """Looks at the variables of a run, and says what was wrong with them.

    Args:
        learner: whose variables these are.
        devices: where the run goes on.
        precision: `trainer.precision`.
        kept: directory of the checkpoints; None if none are kept.
    """

    def __init__(
        self, learner: Learner, devices: Devices, *, precision: str, kept: Path | None
    ) -> None:
        self._learner, self._devices = learner, devices
        self._precision, self._kept = precision, kept

    def after_validation(self, val_loss: float, last: Step | None, *, steps: int) -> None:
        """Looks at what the last step of an epoch left.

        Args:
            val_loss: of the validation.
            last: the last step taken; None if there was none since a checkpoint, which is finite.
            steps: of the run.

        Raises:
            NonFiniteError: on all machines, if any number is not finite.
        """
        if last is None:
            return
        if not np.isfinite(val_loss):
            raise self.error(f"The validation loss is {val_loss}", last, steps=steps)
        spoilt = first_non_finite(self._learner.variables)
        if spoilt is not None:
            what = f"The variable {spoilt} is not finite after a step"
            raise self.error(what, last, steps=steps)

    def may_be_kept(self, watch: StepWatch) -> bool:
        """Returns whether a checkpoint of this place would hold finite numbers only."""
        return watch.all_finite() and first_non_finite(self._learner.variables) is None

    def error(self, what: str, step: Step, *, steps: int) -> NonFiniteError:
        """Returns what to raise; all machines ask at the same step, to put its ids together.

        Args:
            what: what was not finite and what came, the start of a sentence.
            step: the step it was in, or the last one before it.
            steps: of the run.
        """
        photo_ids = self._devices.whole_batch(step.photo_ids)
        self._devices.part()
        logging.error("%s. Photo ids of the step: %s", what, photo_ids)
        return NonFiniteError(
            what,
            step,
            steps=steps,
            precision=self._precision,
            photo_ids=photo_ids,
            kept=str(self._kept) if self._kept else None,
        )
