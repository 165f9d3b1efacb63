"""A row of the history: what `history.parquet` and TensorBoard say about a stretch of training.

kind        a row for                               figures over
steps       each `history_steps` steps, and the     those steps' training photos, as augmented
            rest at the end of an epoch
epoch       each epoch                              its training photos, as augmented
validation  each epoch                              all val photos, at the stage's size

    import pandas
    rows = pandas.read_parquet("history.parquet")
    rows[rows.kind == "validation"].plot("examples_seen", ["top1", "top5"])
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.progressive_trainer.epochs import Sums
from components.progressive_trainer.schedule import Stage
from components.progressive_trainer.validation import Validated

STEPS, EPOCH, VALIDATION = "steps", "epoch", "validation"

SCHEMA = pa.schema(
    [
        ("kind", pa.string()),  # steps, epoch or validation
        ("stage", pa.int32()),  # 0 for the first
        ("image_size_px", pa.int32()),
        ("global_batch", pa.int32()),  # photos a step; of a validation: of the stage's training
        ("step", pa.int64()),  # optimizer steps of the run so far
        ("examples_seen", pa.int64()),  # training photos of the run so far
        ("epoch", pa.float64()),  # the same, in passes over the training photos
        ("learning_rate", pa.float64()),  # of the last step
        ("loss", pa.float64()),  # mean; of a validation without label smoothing
        ("top1", pa.float64()),  # share of photos, 0..1
        ("top3", pa.float64()),
        ("top5", pa.float64()),
        ("images_per_sec", pa.float64()),
        ("images_per_sec_per_device", pa.float64()),
        ("data_wait_share", pa.float64()),  # of the time, 0..1; null for a validation
        ("wall_secs", pa.float64()),  # the run so far, without the time it was stopped
    ]
)
"""The columns of `history.parquet`."""

FIGURES = tuple(SCHEMA.names[SCHEMA.names.index("learning_rate") : -1])
"""Columns that are curves over the run."""

ROWS_AT_ONCE = 50_000
"""Rows held in memory while the table is written."""


@dataclass(frozen=True)
class Place:
    """Where in the run a row ends.

    Attributes:
        stage: the stage of its last step.
        step: steps of the run so far.
        examples_seen: photos of the run so far.
        epoch: the same, in passes over the training photos.
        learning_rate: of the last step.
        wall_secs: of the run so far.
        devices: replicas over all machines.
    """

    stage: Stage
    step: int
    examples_seen: int
    epoch: float
    learning_rate: float
    wall_secs: float
    devices: int

    def row(
        self, kind: str, means: dict[str, float], *, rate: float, data_wait_share: float | None
    ) -> dict[str, Any]:
        """Returns a row.

        Args:
            kind: one of the kinds.
            means: loss, top1, top3 and top5.
            rate: photos a second over all devices.
            data_wait_share: of the time, 0..1.
        """
        return {
            "kind": kind,
            "stage": self.stage.index,
            "image_size_px": self.stage.image_size_px,
            "global_batch": self.stage.global_batch,
            "step": self.step,
            "examples_seen": self.examples_seen,
            "epoch": self.epoch,
            "learning_rate": self.learning_rate,
            **means,
            "images_per_sec": rate,
            "images_per_sec_per_device": rate / self.devices,
            "data_wait_share": data_wait_share,
            "wall_secs": self.wall_secs,
        }


def training_row(place: Place, kind: str, sums: Sums) -> dict[str, Any]:
    """Returns the row of some steps or of an epoch."""
    speed = sums.speed()
    return place.row(
        kind,
        sums.means(),
        rate=speed["photos_per_sec"],
        data_wait_share=speed["data_wait_share"],
    )


def validation_row(place: Place, validated: Validated, photos: int) -> dict[str, Any]:
    """Returns the row of a validation over so many photos."""
    rate = photos / validated.secs
    return place.row(VALIDATION, validated.means(), rate=rate, data_wait_share=None)


def epoch_record(place: Place, sums: Sums, validated: Validated) -> dict[str, Any]:
    """Returns an epoch's entry in `history.json`: what its rows say, side by side."""
    return {
        "stage": place.stage.index,
        "step": place.step,
        "examples_seen": place.examples_seen,
        "epoch": place.epoch,
        "learning_rate": place.learning_rate,
        **{f"train_{name}": mean for name, mean in sums.means().items()},
        **{f"val_{name}": mean for name, mean in validated.means().items()},
        "train_secs": sums.secs,
        "val_secs": validated.secs,
        **sums.speed(),
        "wall_secs": place.wall_secs,
    }


def write_table(rows: Iterable[dict[str, Any]], path: Path) -> None:
    """Writes rows as Parquet, without holding all of them in memory."""
    remaining = iter(rows)
    with pq.ParquetWriter(path, SCHEMA) as writer:
        while part := list(islice(remaining, ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(part, SCHEMA))
