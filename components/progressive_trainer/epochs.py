"""An epoch: when it ends, what its steps add up to, and what its record says.

sums = EpochSums.begun(clock(), unfinished=checkpoint.partial_epoch)
sums.add(loss, correct, examples=64)                # stays on the device
checkpoint_state = sums.unfinished(clock())         # or, at the epoch's end:
record = sums.record(stage, seen=51200, num_photos=1700, rate=1e-3, ...)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.progressive_trainer.schedule import Stage


@dataclass
class EpochSums:
    """Sums over the steps since the last record, kept on the device until they are read.

    Attributes:
        loss: float32 scalar.
        correct: float32 scalar, photos whose first leaf is theirs.
        examples: photos.
        data_wait_secs: waited for photos.
        started_secs: when the epoch began, on the loop's clock.
    """

    loss: Any = 0.0
    correct: Any = 0.0
    examples: int = 0
    data_wait_secs: float = 0.0
    started_secs: float = 0.0

    @classmethod
    def begun(cls, now_secs: float, unfinished: dict[str, Any] | None = None) -> EpochSums:
        """Returns new sums, or those of an epoch that a checkpoint stopped in."""
        sums = cls(**(unfinished or {}))
        sums.started_secs = now_secs - sums.started_secs
        return sums

    def add(self, loss: Any, correct: Any, *, examples: int) -> None:
        """Counts a step, without waiting for it."""
        self.loss, self.correct = self.loss + loss, self.correct + correct
        self.examples += examples

    def unfinished(self, now_secs: float) -> dict[str, Any]:
        """What a checkpoint keeps; the seconds so far, since a clock starts anew in a new run."""
        return {
            "loss": float(self.loss),
            "correct": float(self.correct),
            "examples": self.examples,
            "data_wait_secs": self.data_wait_secs,
            "started_secs": now_secs - self.started_secs,
        }

    def record(
        self,
        stage: Stage,
        *,
        seen: int,
        num_photos: int,
        rate: float,
        validated: tuple[float, float],
        train_secs: float,
    ) -> dict[str, Any]:
        """Returns the epoch's line of the history.

        Args:
            stage: the stage that it ends in.
            seen: photos of the run seen.
            num_photos: training photos.
            rate: learning rate of its last step.
            validated: mean log loss and top-1 over the val photos.
            train_secs: seconds of its steps.
        """
        return {
            "stage": stage.index,
            "examples_seen": seen,
            "epoch": seen / num_photos,
            "learning_rate": rate,
            "train_loss": float(self.loss) / self.examples,
            "train_top1": float(self.correct) / self.examples,
            "val_loss": validated[0],
            "val_top1": validated[1],
            "train_secs": train_secs,
            "photos_per_sec": self.examples / train_secs,
            "data_wait_share": min(1.0, self.data_wait_secs / train_secs),
        }


def ends_epoch(stage: Stage, seen: int, *, num_photos: int) -> bool:
    """Returns whether validation is due after the step that ended at `seen`.

    It is at the end of the stage, and where the step passed the end of an epoch; but not within
    half an epoch of the stage's own ends, which may miss the epoch's by part of a batch.

    Args:
        stage: the stage of the step.
        seen: photos of the run seen after the step.
        num_photos: training photos, an epoch.
    """
    if seen == stage.end_examples:
        return True
    passed = seen // num_photos > (seen - stage.global_batch) // num_photos
    return (
        passed
        and seen - stage.start_examples > num_photos / 2
        and stage.end_examples - seen > num_photos / 2
    )
