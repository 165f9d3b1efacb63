"""What a run says of itself while it goes on: rows, TensorBoard, the pace, and lines for people.

    record = RunRecord(devices, train_photos=51200, val_photos=4000, rows=checkpoint_dir, ...)
    record.begin(checkpoint.record)                     # {} at the start of a run
    record.enter(stage)                                 # where training begins or goes on
    record.step_taken(seen, waited_secs=0.01)
    record.end_row(stage, seen, rate, sums)
    entry = record.end_epoch(plan, stage, seen, rate, sums, validated)
    checkpoint_state = record.state()                   # a few bytes, whatever the run's length

Of several machines only the chief writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from components.progressive_trainer.devices import Devices
from components.progressive_trainer.epochs import EpochSums
from components.progressive_trainer.history_rows import (
    EPOCH,
    STEPS,
    Place,
    epoch_record,
    training_row,
    validation_row,
)
from components.progressive_trainer.pace import Pace
from components.progressive_trainer.row_log import RowLog
from components.progressive_trainer.schedule import Stage
from components.progressive_trainer.tensorboard_log import TensorBoardLog
from components.progressive_trainer.validation import Validated
from schemas.events import emit

ROW_LOG_FILE = "rows.jsonl"
"""Name of the file, beside the checkpoints, that rows are kept in until the run ends."""


class RunRecord:
    """The record of one run.

    Args:
        devices: where it runs.
        train_photos: training photos, an epoch.
        val_photos: photos of a validation.
        rows: directory of the rows: that of the checkpoints. None keeps them in memory.
        board: TensorBoard's log directory; None for no event files.
        clock: seconds.
    """

    def __init__(
        self,
        devices: Devices,
        *,
        train_photos: int,
        val_photos: int,
        rows: Path | None,
        board: Path | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._devices, self._train_photos, self._val_photos = devices, train_photos, val_photos
        self._log = RowLog(rows / ROW_LOG_FILE if rows and devices.is_chief else None)
        self._board_dir, self._clock = board, clock
        self._board: TensorBoardLog | None = None
        self._pace = Pace(
            devices=devices.replicas, train_photos=train_photos, val_photos=val_photos
        )
        self._steps, self._began_secs = 0, 0.0

    def begin(self, state: dict[str, Any]) -> None:
        """Goes to the place of a checkpoint; more than once where a run goes back.

        Args:
            state: what `state` gave; empty at the start of a run.

        Raises:
            FieldmarkError: if the rows before it are gone.
        """
        self._steps = state.get("steps", 0)
        self._began_secs = self._clock() - state.get("wall_secs", 0.0)
        self._pace.restart()
        if not self._devices.is_chief:
            return
        self._log.cut(state.get("rows_bytes", 0))
        self.close()
        if self._board_dir is not None:
            began_secs = time.time() - self._wall_secs
            self._board = TensorBoardLog(self._board_dir, self.rows(), began_secs=began_secs)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps; the rows so far are safe on disk then."""
        return {
            "steps": self._steps,
            "wall_secs": self._wall_secs,
            "rows_bytes": self._log.length(),
        }

    def enter(self, stage: Stage) -> None:
        """Training begins, or goes on, in a stage."""
        self._pace.enter(stage, self._clock())

    def step_taken(self, seen: int, *, waited_secs: float) -> None:
        """A step has ended, after which `seen` photos of the run are seen."""
        self._pace.step(seen, self._clock(), waited_secs=waited_secs)

    def end_row(self, stage: Stage, seen: int, rate: float, sums: EpochSums) -> None:
        """Writes the row of the steps since the last.

        Args:
            stage: their stage.
            seen: photos of the run seen.
            rate: learning rate of the last of them.
            sums: of the epoch.
        """
        row = sums.end_row(self._clock())
        self._steps += row.steps
        self._write(training_row(self._place(stage, seen, rate), STEPS, row))

    def end_epoch(
        self,
        plan: Sequence[Stage],
        stage: Stage,
        seen: int,
        rate: float,
        sums: EpochSums,
        validated: Validated,
    ) -> dict[str, Any]:
        """Writes the rows of an epoch and of its validation, and shows them.

        Returns:
            The epoch's entry in `history.json`.
        """
        self._pace.validated(stage, validated.secs)
        place = self._place(stage, seen, rate)
        self._write(training_row(place, EPOCH, sums.ended))
        self._write(validation_row(place, validated, self._val_photos))
        entry = epoch_record(place, sums.ended, validated)
        shown = {
            "stage": stage.index + 1,
            "stages": len(plan),
            "image_size_px": stage.image_size_px,
            "global_batch": stage.global_batch,
        }
        if self._devices.is_chief:
            emit("epoch", **{**entry, **shown})
        return entry

    def progress(self, plan: Sequence[Stage]) -> dict[str, Any]:
        """Returns what the progress line shows beside the count."""
        return self._pace.details(plan)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields all rows so far, in order."""
        return self._log.rows()

    def close(self) -> None:
        """Ends the event files."""
        if self._board is not None:
            self._board.close()

    @property
    def _wall_secs(self) -> float:
        return self._clock() - self._began_secs

    def _place(self, stage: Stage, seen: int, rate: float) -> Place:
        return Place(
            stage,
            step=self._steps,
            examples_seen=seen,
            epoch=seen / self._train_photos,
            learning_rate=rate,
            wall_secs=self._wall_secs,
            devices=self._devices.replicas,
        )

    def _write(self, row: dict[str, Any]) -> None:
        if not self._devices.is_chief:
            return
        self._log.append(row)
        if self._board is not None:
            self._board.write(row)
