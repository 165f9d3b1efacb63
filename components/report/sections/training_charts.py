"""A training as curves: what the schedule moved, and what came of it, stage after stage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from components.report.blocks import Chart
from components.report.charts.axis import share_axis, whole_percent
from components.report.charts.lines import Band, Series, line_chart

History = Mapping[str, Any]
Rows = Sequence[Mapping[str, Any]]

REGULARISATION = {
    "dropout": "dropout",
    "augment": "augmentation",
    "label_smoothing": "label smoothing",
    "mixup": "Mixup",
    "cutmix": "CutMix",
}
"""Of a stage, about 0..1 each; RandAugment's magnitude has a scale of its own."""

DOTS_UP_TO = 60
"""Validations that are marked each; more would touch."""


def schedule_charts(history: History, rows: Rows) -> list[Chart]:
    """Returns a curve for each thing that the schedule moves.

    Args:
        history: content of `history.json`.
        rows: of kind `steps` in `history.parquet`.
    """
    bands, stages = stage_bands(history), history["stages"]

    def curve(name: str, key: str) -> Series:
        values = [float(stage.get(key) or 0) for stage in stages]
        points = [(band.start, value) for band, value in zip(bands, values, strict=True)]
        return Series(name, [*points, (bands[-1].end, values[-1])], stepped=True)

    def chart(title: str, series: Sequence[Series], y_name: str, caption: str) -> Chart:
        svg = line_chart(title, series, x_name="epochs", y_name=y_name, bands=bands)
        return Chart(svg, caption)

    rates = by_stage(rows, "learning_rate")
    rate = Series("rate", rates) if rates else curve("peak rate", "peak_learning_rate")
    charts = [
        chart("Image size", [curve("size", "image_size_px")], "px", "Size of a photo in training."),
        chart("Batch", [curve("batch", "global_batch")], "photos", "Photos of a step."),
        chart("Learning rate", [rate], "rate", "Learning rate."),
    ]
    used = [key for key in REGULARISATION if any(stage.get(key) for stage in stages)]
    if used:
        lines = [curve(REGULARISATION[key], key) for key in used]
        charts.append(chart("Regularisation", lines, "", "Regularisation by stage."))
    if any(stage.get("rand_augment") for stage in stages):
        line = curve("RandAugment", "rand_augment")
        charts.append(chart("RandAugment", [line], "magnitude", "Magnitude of RandAugment."))
    return charts


def progress_charts(history: History, rows: Rows) -> list[Chart]:
    """Returns top-1, loss and rate over the run, with its stages as bands.

    Args:
        history: content of `history.json`.
        rows: of kind `steps` in `history.parquet`.
    """
    if not history["epochs"]:
        return []
    charts = [_top1_over_epochs(history), _top1_over_time(history), _loss(history)]
    speeds = by_stage(rows, "images_per_sec")
    if speeds:
        series = [Series("photos/s", speeds)]
        bands = stage_bands(history)
        svg = line_chart("Photos a second", series, x_name="epochs", y_name="photos/s", bands=bands)
        charts.append(Chart(svg, "Photos trained a second, over all devices."))
    return charts


def stage_bands(history: History) -> list[Band]:
    """Returns the stages in epochs."""
    photos = history["train_photos"]
    return [
        Band(
            str(stage["index"] + 1),
            stage["start_examples"] / photos,
            (stage["start_examples"] + stage["steps"] * stage["global_batch"]) / photos,
        )
        for stage in history["stages"]
    ]


def by_stage(rows: Rows, key: str) -> list[tuple[float, float]]:
    """Returns a figure over the epochs, with a gap where a stage begins: there it jumps."""
    points: list[tuple[float, float]] = []
    for _, group in groupby(rows, key=lambda row: row["stage"]):
        if points:
            points.append((points[-1][0], math.nan))
        points += [(row["epoch"], row[key]) for row in group]
    return points


def _top1_over_epochs(history: History) -> Chart:
    epochs = history["epochs"]
    series = [
        Series("val", _points(epochs, "val_top1"), dotted=len(epochs) < DOTS_UP_TO),
        Series("train, as augmented", _points(epochs, "train_top1")),
    ]
    svg = line_chart(
        "Top-1 over the run",
        series,
        x_name="epochs",
        y_name="top-1",
        bands=stage_bands(history),
        y_label=whole_percent,
        y_axis=share_axis([y for line in series for _, y in line.points]),
    )
    return Chart(svg, "Top-1 after each epoch, at the size of its stage; bands are the stages.")


def _top1_over_time(history: History) -> Chart:
    epochs = history["epochs"]
    points = [(epoch["wall_secs"] / 60, epoch["val_top1"]) for epoch in epochs]
    stages = {stage: list(group) for stage, group in groupby(epochs, key=lambda e: e["stage"])}
    ends = [0.0, *(group[-1]["wall_secs"] / 60 for group in stages.values())]
    bands = [
        Band(str(stage + 1), low, high)
        for stage, (low, high) in zip(stages, pairwise(ends), strict=True)
    ]
    svg = line_chart(
        "Val top-1 over time",
        [Series("val", points, dotted=len(points) < DOTS_UP_TO)],
        x_name="minutes",
        y_name="val top-1",
        bands=bands,
        y_label=whole_percent,
        y_axis=share_axis([y for _, y in points]),
    )
    return Chart(svg, "Val top-1 over the time spent, validations included.")


def _loss(history: History) -> Chart:
    epochs, bands = history["epochs"], stage_bands(history)
    series = [
        Series("val", _points(epochs, "val_loss")),
        Series("train, as augmented", _points(epochs, "train_loss")),
    ]
    svg = line_chart("Loss over the run", series, x_name="epochs", y_name="loss", bands=bands)
    return Chart(svg, "Loss after each epoch; of val without label smoothing.")


def _points(epochs: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    return [(epoch["epoch"], epoch[key]) for epoch in epochs]
