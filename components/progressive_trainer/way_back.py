"""The places that a run can go back to when a step does not fit the memory.

That step may have changed some variables before it failed, so the run goes on from before it: from
the newest checkpoint, or from a copy in memory of where a stage began. The law: the first
`COVERED_STEPS` of a stage are covered, whether checkpoints are kept or not; then the copy is let
go, for a stage's steps are alike. Of several machines none can go back, so that nothing is copied,
and no checkpoint looked at that the chief may be writing just then.

    way_back = WayBack(checkpoints, workers=1)
    way_back.begin(stage, seen, copy)          # before a stage's first steps
    way_back.step(seen)                        # before each step
    way_back.place(error)                      # after one that failed
"""

from __future__ import annotations

from collections.abc import Callable

from components.progressive_trainer.checkpoint import Checkpoint, Checkpoints
from components.progressive_trainer.out_of_memory import (
    COVERED_STEPS,
    StepOutOfMemory,
    place_to_go_back_to,
)
from components.progressive_trainer.return_point import ReturnPoint
from components.progressive_trainer.schedule import Stage


class WayBack:
    """Of one run.

    Args:
        checkpoints: the run's; None if none are kept.
        workers: machines.
    """

    def __init__(self, checkpoints: Checkpoints | None, *, workers: int) -> None:
        self._checkpoints, self._workers = checkpoints, workers
        self._point: ReturnPoint | None = None
        self._covered = 0

    def begin(self, stage: Stage, seen: int, copy: Callable[[], ReturnPoint]) -> None:
        """Covers the first steps of a stage, or those after a resume.

        Args:
            stage: the stage.
            seen: photos of the run seen.
            copy: makes a copy of this place; asked only if it can be gone back to and no checkpoint
                is of it.
        """
        if self._workers > 1:
            return
        latest = self._latest()
        saved = latest is not None and latest.examples_seen == seen
        self._point = None if saved else copy()
        self._covered = seen + COVERED_STEPS * stage.global_batch

    def step(self, seen: int) -> None:
        """A step begins after `seen` photos of the run."""
        if seen == self._covered:
            self._point = None

    def place(self, error: StepOutOfMemory) -> Checkpoint | ReturnPoint:
        """Returns the nearest place from before the step that failed.

        Raises:
            FieldmarkError: if there is none.
        """
        return place_to_go_back_to(error, self._point, self._latest(), workers=self._workers)

    def _latest(self) -> Checkpoint | None:
        return self._checkpoints.latest() if self._checkpoints and self._workers == 1 else None
