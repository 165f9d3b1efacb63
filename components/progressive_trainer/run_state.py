"""Where a run is, between two steps: what a checkpoint holds, and how a run goes on from it.

The law: variables, history, decisions, the place in the rows and the sums of an unfinished epoch
are saved together and set together; nothing else of a run outlives its process.

    state = RunState(learner, course, record, clock)
    seen = state.resume(checkpoints, devices)
    checkpoints.save(**state.at(seen, sums))
    sums = state.begin_sums(stage)                  # those of the epoch that it stopped in, once
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from components.progressive_trainer.checkpoint import Checkpoint, Checkpoints
from components.progressive_trainer.course import Course
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.epochs import EpochSums
from components.progressive_trainer.learner import Learner
from components.progressive_trainer.return_point import ReturnPoint
from components.progressive_trainer.run_record import RunRecord
from components.progressive_trainer.schedule import Stage
from schemas.events import emit


class RunState:
    """The state of one run.

    Args:
        learner: its variables.
        course: its decisions.
        record: its rows.
        clock: seconds.

    Attributes:
        history: the epochs so far, an entry each.
    """

    def __init__(
        self, learner: Learner, course: Course, record: RunRecord, clock: Callable[[], float]
    ) -> None:
        self._learner, self._course, self._record, self._clock = learner, course, record, clock
        self.history: list[dict[str, Any]] = []
        self._partial: dict[str, Any] = {}

    @property
    def has_unfinished_epoch(self) -> bool:
        """Whether the place gone to is within an epoch, or before its validation."""
        return bool(self._partial)

    def resume(self, checkpoints: Checkpoints | None, devices: Devices) -> int:
        """Goes to the place that the chief's last checkpoint is of, or to the start of the run.

        Args:
            checkpoints: given to all machines or to none.
            devices: where the run goes on.

        Returns:
            Photos of the run seen.
        """
        latest = checkpoints.latest() if checkpoints and devices.is_chief else None
        # All machines go on from the same place. The chief deletes no checkpoint before it has
        # taken steps, for which it needs the others.
        seen = devices.from_chief(latest.examples_seen if latest else 0)
        if seen == 0:
            self._begin()
            return 0
        assert checkpoints is not None, "given to all machines or to none"
        self.go_to(latest or checkpoints.at(seen))
        emit("note", text=f"training goes on at photo {seen:,} of the run")
        return seen

    def _begin(self) -> None:
        self._record.begin({})
        if self._learner.average:
            self._learner.average.restart()  # weights may have been set since it was made

    def go_to(self, place: Checkpoint | ReturnPoint) -> None:
        """Goes to another place in the run."""
        place.restore(self._learner.variables)
        self.history, self._partial = list(place.history), place.partial_epoch
        self._course.restore(place.decisions)
        self._record.begin(place.record)

    def begin_sums(self, stage: Stage) -> EpochSums:
        """Returns the sums of an epoch that a checkpoint stopped in, once; else new ones."""
        unfinished, self._partial = self._partial, {}
        self._record.enter(stage)
        return EpochSums.begun(self._clock(), unfinished)

    def at(self, seen: int, unfinished: EpochSums | None) -> dict[str, Any]:
        """Returns what `Checkpoints.save` and `ReturnPoint.now` take.

        Args:
            seen: photos of the run seen.
            unfinished: sums of the epoch so far; None at its end, when it is in the history.
        """
        return {
            "examples_seen": seen,
            "history": self.history,
            "partial_epoch": self._unfinished(unfinished),
            "record": self._record.state(),
            "decisions": [decision.as_dict() for decision in self._course.decisions],
            "variables": self._learner.variables,
        }

    def _unfinished(self, sums: EpochSums | None) -> dict[str, Any]:
        """Nothing before the first step of an epoch, too: there is none to be validated."""
        return sums.unfinished(self._clock()) if sums and sums.examples else {}

    def copy(self, seen: int, unfinished: EpochSums | None) -> ReturnPoint:
        """Returns this place, to go back to; see `at`."""
        return ReturnPoint.now(**self.at(seen, unfinished))
