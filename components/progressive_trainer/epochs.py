"""An epoch: when it ends, and what its steps add up to.

An epoch is a whole number of rows of the history (see `history_rows`), the last of them shorter.
What a step gives stays on the device until its row ends or a checkpoint is written, and is then
read in one transfer. Sums are taken step by step in float64, so that they are the same, to the last
bit, wherever a checkpoint cut them in two.

    sums = EpochSums.begun(clock(), unfinished=checkpoint.partial_epoch)
    sums.add(loss, hits, examples=64, data_wait_secs=0.01)    # stays on the device
    row = sums.end_row(clock())                               # every so many steps
    checkpoint_state = sums.unfinished(clock())               # or, at the epoch's end:
    sums.ended.means()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import tensorflow as tf

from components.progressive_trainer.schedule import Stage


@dataclass(frozen=True)
class Sums:
    """Sums over steps.

    Attributes:
        steps: how many.
        examples: their photos.
        loss: sum of the photos' losses.
        hits: photos whose leaf was the first, among the first three and the first five.
        data_wait_secs: waited for photos.
        secs: what the steps took, waiting included.
    """

    steps: int = 0
    examples: int = 0
    loss: float = 0.0
    hits: tuple[float, ...] = (0.0, 0.0, 0.0)
    data_wait_secs: float = 0.0
    secs: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.steps + other.steps,
            self.examples + other.examples,
            self.loss + other.loss,
            tuple(mine + theirs for mine, theirs in zip(self.hits, other.hits, strict=True)),
            self.data_wait_secs + other.data_wait_secs,
            self.secs + other.secs,
        )

    def means(self) -> dict[str, float]:
        """Returns the mean loss and the shares of hits, by name."""
        top1, top3, top5 = (hits / self.examples for hits in self.hits)
        return {"loss": self.loss / self.examples, "top1": top1, "top3": top3, "top5": top5}

    def speed(self) -> dict[str, float]:
        """Returns photos a second and the share of the time that was waited for them, by name."""
        return {
            "photos_per_sec": self.examples / self.secs,
            "data_wait_share": min(1.0, self.data_wait_secs / self.secs),
        }


NOTHING = Sums()


class EpochSums:
    """Sums over the steps of an epoch so far.

    Args:
        now_secs: the time on the loop's clock.
        ended: those of the rows that have ended.
        row: those of the row that has not.
    """

    def __init__(self, now_secs: float, ended: Sums = NOTHING, row: Sums = NOTHING) -> None:
        self.ended = ended
        self._row, self._row_started_secs = row, now_secs - row.secs
        self._unread: list[tuple[Any, Any]] = []

    @classmethod
    def begun(cls, now_secs: float, unfinished: dict[str, Any] | None = None) -> EpochSums:
        """Returns new sums, or those of an epoch that a checkpoint stopped in."""
        if not unfinished:
            return cls(now_secs)
        return cls(now_secs, _sums(unfinished["ended"]), _sums(unfinished["row"]))

    @property
    def examples(self) -> int:
        """Photos of the epoch so far."""
        return self.ended.examples + self._row.examples

    @property
    def row_steps(self) -> int:
        """Steps since the last row ended."""
        return self._row.steps

    def add(self, loss: Any, hits: Any, *, examples: int, data_wait_secs: float) -> None:
        """Counts a step, without waiting for it.

        Args:
            loss: float32 scalar on the device.
            hits: float32 [3] on the device.
            examples: its photos.
            data_wait_secs: waited for them.
        """
        self._unread.append((loss, hits))
        self._row += Sums(1, examples, data_wait_secs=data_wait_secs)

    def end_row(self, now_secs: float) -> Sums:
        """Ends the row, which must have steps, and returns its sums."""
        row = self._row_until(now_secs)
        self.ended, self._row, self._row_started_secs = self.ended + row, NOTHING, now_secs
        return row

    def unfinished(self, now_secs: float) -> dict[str, Any]:
        """What a checkpoint keeps; the seconds so far, since a clock starts anew in a new run."""
        return {"ended": asdict(self.ended), "row": asdict(self._row_until(now_secs))}

    def _row_until(self, now_secs: float) -> Sums:
        self._read()
        secs = now_secs - self._row_started_secs if self._row.steps else 0.0
        return replace(self._row, secs=secs)

    def _read(self) -> None:
        """Waits for the steps of the row, and adds up what they gave."""
        unread, self._unread = self._unread, []
        if not unread:
            return
        losses = tf.stack([loss for loss, _ in unread]).numpy()
        hits = tf.stack([right for _, right in unread]).numpy()
        for loss, right in zip(losses, hits, strict=True):
            self._row += Sums(loss=float(loss), hits=tuple(map(float, right)))


def _sums(saved: dict[str, Any]) -> Sums:
    hits: Sequence[float] = saved["hits"]
    return Sums(**{**saved, "hits": tuple(hits)})


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
