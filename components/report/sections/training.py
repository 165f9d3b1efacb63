"""The section on training: the schedule, how the run went, and what it decided on its way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from components.report.blocks import (
    Block,
    Cell,
    Chart,
    Charts,
    Column,
    Heading,
    Items,
    Section,
    Table,
    Text,
)
from components.report.charts.axis import share_axis
from components.report.charts.lines import Band, Series, line_chart
from components.report.sources import read_json
from components.report.wording import number, percent
from schemas.counted import counted
from schemas.duration import duration

HISTORY_FILE, ROWS_FILE = "history.json", "history.parquet"

_REGULARISATION = {
    "dropout": "dropout",
    "augment": "augmentation",
    "label_smoothing": "label smoothing",
    "mixup": "Mixup",
    "cutmix": "CutMix",
}
"""Of a stage, about 0..1 each; RandAugment's magnitude has a scale of its own."""


def training_section(directory: Path | None) -> Section:
    """Returns the section.

    Args:
        directory: of a TrainingHistory artifact.
    """
    history = read_json(directory, HISTORY_FILE)
    if history is None or directory is None:
        return Section("training", "Training", [Text("There is no history of a training.")])
    rows = _rows(directory / ROWS_FILE)
    blocks: list[Block] = [
        Text(
            f"{counted(history['train_photos'], 'photo')} an epoch, validated on "
            f"{history['val_photos']:,}, on {history['devices']}."
        ),
        _schedule(history),
        Charts(_schedule_charts(history, rows)),
        *_how_it_went(history),
        Charts(_progress_charts(history, rows)),
    ]
    if history.get("decisions"):
        blocks.append(Heading("What the run decided on its way"))
        blocks.append(Items([decision["reason"] for decision in history["decisions"]]))
    return Section("training", "Training", blocks)


def _rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows of the history by kind."""
    if not path.is_file():
        return {}
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in pq.read_table(path).to_pylist():
        rows.setdefault(row["kind"], []).append(row)
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
    known = {**_REGULARISATION, "rand_augment": "RandAugment"}
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


def _bands(history: Mapping[str, Any]) -> list[Band]:
    """Stages in epochs."""
    photos = history["train_photos"]
    return [
        Band(
            str(stage["index"] + 1),
            stage["start_examples"] / photos,
            (stage["start_examples"] + stage["steps"] * stage["global_batch"]) / photos,
        )
        for stage in history["stages"]
    ]


def _schedule_charts(
    history: Mapping[str, Any], rows: Mapping[str, list[dict[str, Any]]]
) -> list[Chart]:
    bands, stages = _bands(history), history["stages"]

    def curve(name: str, key: str) -> Series:
        points = [
            (band.start, float(s.get(key) or 0)) for band, s in zip(bands, stages, strict=True)
        ]
        return Series(name, [*points, (bands[-1].end, points[-1][1])], stepped=True)

    def chart(title: str, series: Sequence[Series], y_name: str, caption: str) -> Chart:
        svg = line_chart(title, series, x_name="epochs", y_name=y_name, bands=bands)
        return Chart(svg, caption)

    charts = [
        chart("Image size", [curve("size", "image_size_px")], "px", "Size of a photo in training."),
        chart("Batch", [curve("batch", "global_batch")], "photos", "Photos of a step."),
    ]
    rates = _by_stage(rows.get("steps", []), "learning_rate")
    series = Series("rate", rates) if rates else curve("peak rate", "peak_learning_rate")
    charts.append(chart("Learning rate", [series], "rate", "Learning rate."))
    used = [key for key in _REGULARISATION if any(stage.get(key) for stage in stages)]
    if used:
        lines = [curve(_REGULARISATION[key], key) for key in used]
        charts.append(chart("Regularisation", lines, "", "Regularisation by stage."))
    if any(stage.get("rand_augment") for stage in stages):
        line = curve("RandAugment", "rand_augment")
        charts.append(chart("RandAugment", [line], "magnitude", "Magnitude of RandAugment."))
    return charts


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


def _progress_charts(
    history: Mapping[str, Any], rows: Mapping[str, list[dict[str, Any]]]
) -> list[Chart]:
    epochs, bands = history["epochs"], _bands(history)
    if not epochs:
        return []
    top1 = [(epoch["epoch"], epoch["val_top1"]) for epoch in epochs]
    trained = [(epoch["epoch"], epoch["train_top1"]) for epoch in epochs]
    series = [Series("val", top1, dotted=len(top1) < 60), Series("train, as augmented", trained)]
    axis = share_axis([y for line in series for _, y in line.points])
    charts = [
        Chart(
            line_chart(
                "Top-1 over the run",
                series,
                x_name="epochs",
                y_name="top-1",
                bands=bands,
                y_label=percent_label,
                y_axis=axis,
            ),
            "Top-1 after each epoch, at the size of its stage; bands are the stages.",
        )
    ]
    timed = [
        (epoch["wall_secs"] / 60, epoch["val_top1"]) for epoch in epochs if "wall_secs" in epoch
    ]
    if timed:
        ends = [0.0]
        for _, group in groupby(epochs, key=lambda epoch: epoch["stage"]):
            ends.append(list(group)[-1]["wall_secs"] / 60)
        stages = [epoch["stage"] for epoch, _ in zip(epochs, timed, strict=True)]
        names = [str(stage + 1) for stage in dict.fromkeys(stages)]
        time_bands = [
            Band(name, low, high) for name, low, high in zip(names, ends, ends[1:], strict=False)
        ]
        svg = line_chart(
            "Val top-1 over time",
            [Series("val", timed, dotted=len(timed) < 60)],
            x_name="minutes",
            y_name="val top-1",
            bands=time_bands,
            y_label=percent_label,
            y_axis=share_axis([y for _, y in timed]),
        )
        charts.append(Chart(svg, "Val top-1 over the time spent, validations included."))
    losses = [
        Series("val", [(epoch["epoch"], epoch["val_loss"]) for epoch in epochs]),
        Series("train, as augmented", [(epoch["epoch"], epoch["train_loss"]) for epoch in epochs]),
    ]
    svg = line_chart("Loss over the run", losses, x_name="epochs", y_name="loss", bands=bands)
    charts.append(Chart(svg, "Loss after each epoch; of val without label smoothing."))
    speeds = _by_stage(rows.get("steps", []), "images_per_sec")
    if speeds:
        svg = line_chart(
            "Photos a second", [Series("photos/s", speeds)], x_name="epochs", y_name="photos/s",
            bands=bands,
        )  # fmt: skip
        charts.append(Chart(svg, "Photos trained a second, over all devices."))
    return charts


def _by_stage(rows: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    """A figure over the epochs, with a gap where a stage begins: there it jumps."""
    points: list[tuple[float, float]] = []
    for _, group in groupby(rows, key=lambda row: row["stage"]):
        if points:
            points.append((points[-1][0], math.nan))
        points += [(row["epoch"], row[key]) for row in group]
    return points


def percent_label(share: float) -> str:
    """Returns a share as a label of an axis."""
    return f"{share:.0%}"
