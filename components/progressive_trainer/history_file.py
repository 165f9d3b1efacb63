"""The history of a run as an artifact: two files, for programs that draw or compare runs.

history.json      what was trained on what, the stages, an entry an epoch, and the calibration
history.parquet   a row every so many steps and two an epoch (see `history_rows`)

    write_history(directory, plan, decisions=[...], epochs=[...], rows=record.rows(), ...)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from components.progressive_trainer.decisions import Decision
from components.progressive_trainer.history_rows import write_table
from components.progressive_trainer.schedule import Stage
from components.progressive_trainer.temperatures import Calibration

HISTORY_FILE = "history.json"
ROWS_FILE = "history.parquet"
TENSORBOARD_DIR = "tensorboard"
"""Beside the two, written while training goes on."""

SCHEMA_VERSION = 1
"""Counts up when a name of either file changes its meaning or goes; new names may come without."""


def write_history(
    directory: Path,
    plan: Sequence[Stage],
    *,
    decisions: Sequence[Decision],
    epochs: list[dict[str, Any]],
    rows: Iterable[dict[str, Any]],
    devices: str,
    train_photos: int,
    val_photos: int,
    calibration: Calibration,
) -> None:
    """Writes both files.

    Args:
        directory: of the artifact.
        plan: the stages.
        decisions: what made them other than planned.
        epochs: entries from `history_rows.epoch_record`.
        rows: all rows of the run.
        devices: what it ran on, in words.
        train_photos: training photos.
        val_photos: validation photos.
        calibration: of the network at the end.
    """
    history = {
        "schema_version": SCHEMA_VERSION,
        "devices": devices,
        "train_photos": train_photos,
        "val_photos": val_photos,
        "stages": [stage.as_dict() for stage in plan],
        "decisions": [decision.as_dict() for decision in decisions],
        "epochs": epochs,
        "calibration": calibration.as_dict(),
    }
    (directory / HISTORY_FILE).write_text(json.dumps(history, indent=1))
    write_table(rows, directory / ROWS_FILE)
