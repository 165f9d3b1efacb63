"""The section on training: the schedule, how the run went, and what it decided on its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.report.blocks import (
    Block,
    Cell,
    Charts,
    Column,
    Heading,
    Items,
    Section,
    Table,
    Text,
)
from components.report.sections.training_charts import (
    REGULARISATION,
    progress_charts,
    schedule_charts,
)
from components.report.sources import read_json
from components.report.wording import number, percent
from schemas.counted import counted
from schemas.duration import duration

HISTORY_FILE, ROWS_FILE = "history.json", "history.parquet"


def training_section(directory: Path | None) -> Section:
    """Returns the section.

    Args:
        directory: of a TrainingHistory artifact.
    """
    history = read_json(directory, HISTORY_FILE)
    if history is None or directory is None:
        return Section("training", "Training", [Text("There is no history of a training.")])
    rows = _step_rows(directory / ROWS_FILE)
    blocks: list[Block] = [
        Text(
            f"{counted(history['train_photos'], 'photo')} an epoch, validated on "
            f"{history['val_photos']:,}, on {history['devices']}."
        ),
        _schedule(history),
        Charts(schedule_charts(history, rows)),
        *_how_it_went(history),
        Charts(progress_charts(history, rows)),
    ]
    if history.get("decisions"):
        blocks.append(Heading("What the run decided on its way"))
        blocks.append(Items([decision["reason"] for decision in history["decisions"]]))
    return Section("training", "Training", blocks)


def _step_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of the history that are curves, as far as there are any."""
    if not path.is_file():
        return []
    columns = ["stage", "epoch", "learning_rate", "images_per_sec"]
    table = pq.read_table(path, columns=columns, filters=pc.field("kind") == "steps")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _schedule(history: Mapping[str, Any]) -> Table:
    stages, photos = history["stages"], history["train_photos"]
    always: list[tuple[str, Callable[[Mapping[str, Any]], str]]] = [
        ("Size", lambda s: f"{s['image_size_px']} px"),
        ("Batch", lambda s: f"{s['global_batch']:,}"),
        ("Epochs", lambda s: f"{s['steps'] * s['global_batch'] / photos:.1f}"),
        ("Steps", lambda s: f"{s['steps']:,}"),
        ("Peak rate", lambda s: number(s["peak_learning_rate"])),
    ]
    known = {**REGULARISATION, "rand_augment": "RandAugment"}
    used = [key for key in known if any(stage.get(key) for stage in stages)]
    columns = [Column("Stage"), *(Column(name, numeric=True) for name, _ in always)]
    columns += [Column(known[key][:1].upper() + known[key][1:], numeric=True) for key in used]
    learns = any(stage.get("trainable", "all") != "all" for stage in stages)
    columns += [Column("Learns")] if learns else []
    rows = []
    for stage in stages:
        cells = [Cell(str(stage["index"] + 1)), *(Cell(show(stage)) for _, show in always)]
        cells += [Cell(number(stage.get(key))) for key in used]
        cells += [Cell(str(stage.get("trainable", "all")))] if learns else []
        rows.append(cells)
    return Table("The schedule", columns, rows)


def _how_it_went(history: Mapping[str, Any]) -> Sequence[Block]:
    epochs = history["epochs"]
    if not epochs:
        return [Text("The history holds no epoch.", mark="bad")]
    rows = []
    for stage, group in groupby(epochs, key=lambda epoch: epoch["stage"]):
        of_stage = list(group)
        rows.append([Cell(str(stage + 1)), *_stage_cells(of_stage)])
    if len(rows) > 1:
        rows.append([Cell("all"), *_stage_cells(epochs)])
    names = ("Val top-1 at its end", "Photos/s", "Waiting for data", "Training", "Validating")
    columns = [Column("Stage"), *(Column(name, numeric=True) for name in names)]
    return [Table("How the stages went", columns, rows)]


def _stage_cells(epochs: Sequence[Mapping[str, Any]]) -> list[Cell]:
    train_secs = sum(epoch["train_secs"] for epoch in epochs)
    val_secs = sum(epoch["val_secs"] for epoch in epochs)
    photos = sum(epoch["photos_per_sec"] * epoch["train_secs"] for epoch in epochs)
    waited = sum(epoch["data_wait_share"] * epoch["train_secs"] for epoch in epochs)
    return [
        Cell(percent(epochs[-1]["val_top1"])),
        Cell(f"{photos / train_secs:,.0f}" if train_secs else "–"),
        Cell(percent(waited / train_secs if train_secs else None)),
        Cell(duration(train_secs)),
        Cell(duration(val_secs)),
    ]
