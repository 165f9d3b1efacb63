"""An analysis as lines for a terminal, as JSON-able values, and as rows of a CSV a taxon.

Spread is told as standard deviations, in points (hundredths of top-1): people know these; of the
variance each part is a share.

    print("\\n".join(report_lines(analysis)))
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.variance.analysis import SEED, Analysis
from pipeline.variance.figure_spread import Component, FigureSpread
from pipeline.variance.nested_anova import Interval

VERSION = 1

TAXA_SHOWN = 10

PART_NAMES = {
    "training": "chance in training",
    "evaluation_photos": "photos asked",
    "sampling": "sampling of photos",
    "sampling_and_training": "sampling and chance",
}

_NAME_WIDTH = 23


def report_lines(analysis: Analysis) -> Iterator[str]:
    """Yields the report for people."""
    yield from _runs(analysis)
    for spread in analysis.figures:
        yield ""
        yield from _figure(spread)
    yield ""
    yield from _taxa(analysis)
    if analysis.cautions:
        yield ""
        yield "What to bear in mind:"
        yield from (f"  {caution}" for caution in analysis.cautions)


def content(analysis: Analysis) -> dict[str, Any]:
    """Returns the analysis as JSON-able values; variances are of figures of 0..1."""
    taxa = analysis.taxa
    return {
        "version": VERSION,
        "runs": [
            {
                "name": run.name,
                "trained_on": run.trained_on,
                "evaluated_on": run.evaluated_on,
                "seed": run.settings.get(SEED),
                "photos": int(run.photos.sum()),
                "top1": run.top1,
                "macro_top1": run.macro_top1,
            }
            for run in analysis.runs
        ],
        "same_evaluation_photos": analysis.design.shares_photos,
        "figures": {spread.name: _figure_content(spread) for spread in analysis.figures},
        "taxa": {
            "compared": int(taxa.compared.sum()),
            "tested": int(np.isfinite(taxa.p_values).sum()),
            "beyond_photo_noise": [
                {"taxon_id": int(taxa.taxon_ids[place]), "name": taxa.names[place]}
                for place in _beyond(analysis)
            ],
        },
        "cautions": list(analysis.cautions),
    }


def csv_rows(analysis: Analysis) -> Iterator[list[str]]:
    """Yields the header and a row for each taxon that a run was asked about."""
    taxa = analysis.taxa
    runs = [run.name for run in analysis.runs]
    yield [
        *("taxon_id", "name", "mean_top1", "spread", "photo_noise", "training_spread"),
        *("p_value", "adjusted_p_value", "beyond_photo_noise"),
        *(f"{kind} {run}" for kind in ("photos", "top1") for run in runs),
    ]
    figures = (taxa.mean, taxa.spread, taxa.photo_noise, taxa.training)
    for place in np.flatnonzero(taxa.photos.sum(axis=0)):
        yield [
            str(taxa.taxon_ids[place]),
            taxa.names[place],
            *(_cell(figure[place]) for figure in (*figures, taxa.p_values, taxa.adjusted)),
            str(int(taxa.beyond[place])),
            *(str(count) for count in taxa.photos[:, place]),
            *(_cell(value) for value in taxa.top1[:, place]),
        ]


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def _runs(analysis: Analysis) -> Iterator[str]:
    design = analysis.design
    asked = "all were asked the same photos" if design.shares_photos else "each its own photos"
    exports = len(design.exports)
    yield f"{len(analysis.runs)} runs of {exports} export{'s' if exports > 1 else ''}; {asked}"
    width = max(len(run.name) for run in analysis.runs)
    for run in analysis.runs:
        seed = f", seed {run.settings[SEED]}" if SEED in run.settings else ""
        yield (
            f"  {run.name:<{width}}  top-1 {run.top1:.2%}, macro {run.macro_top1:.2%} of "
            f"{run.photos.sum():,} photos; export {run.trained_on}{seed}"
        )


def _figure(spread: FigureSpread) -> Iterator[str]:
    low, high = min(spread.values), max(spread.values)
    yield (
        f"{spread.name:<{_NAME_WIDTH}}mean {spread.mean:.2%}, {low:.2%} to {high:.2%}, deviation "
        f"{_points(spread.deviation**2)}"
    )
    for name, part in spread.parts.items():
        share = f", {part.variance / spread.total:.0%} of the variance" if spread.total else ""
        yield f"  {PART_NAMES[name]:<{_NAME_WIDTH - 2}}{_part(part)}{share}"


def _part(part: Component) -> str:
    text = _points(part.variance)
    if part.interval is not None:
        low, high = (100 * math.sqrt(end) for end in (part.interval.low, part.interval.high))
        text += f" ({low:.2f} to {high:.2f})"
    if not part.degrees:
        text += ", known from their number"
    if part.raw < 0:
        text += f", the estimate of the variance being {1e4 * part.raw:.3g} points², below 0"
    return text


def _points(variance: float) -> str:
    return f"{100 * math.sqrt(variance):.2f} points"


def _taxa(analysis: Analysis) -> Iterator[str]:
    taxa = analysis.taxa
    compared = taxa.compared
    if not compared.any():
        yield "No taxon was asked about in every run."
        return
    yield (
        f"{compared.sum():,} taxa compared: median deviation "
        f"{_points(float(np.median(taxa.spread[compared])) ** 2)}, of which photos alone give "
        f"{_points(float(np.median(taxa.photo_noise[compared])) ** 2)}"
    )
    found = _beyond(analysis)
    tested = int(np.isfinite(taxa.p_values).sum())
    yield f"{len(found):,} of {tested:,} tested vary beyond what their photos explain"
    width = max((len(taxa.names[place]) for place in found[:TAXA_SHOWN]), default=0)
    for place in found[:TAXA_SHOWN]:
        shares = ", ".join(f"{value:.0%}" for value in taxa.top1[:, place])
        yield (
            f"  {taxa.names[place]:<{width}}  {_points(float(taxa.spread[place]) ** 2)} (photos: "
            f"{_points(float(taxa.photo_noise[place]) ** 2)}), p = {taxa.p_values[place]:.2g}; "
            f"top-1 {shares}"
        )
    if len(found) > TAXA_SHOWN:
        yield f"  ... and {len(found) - TAXA_SHOWN:,} more (--csv lists all)"


def _beyond(analysis: Analysis) -> list[int]:
    """Places of the taxa beyond photos, the surest first."""
    taxa = analysis.taxa
    places = np.flatnonzero(taxa.beyond)
    return [int(place) for place in places[np.argsort(taxa.p_values[places], kind="stable")]]


def _figure_content(spread: FigureSpread) -> dict[str, Any]:
    return {
        "values": list(spread.values),
        "mean": spread.mean,
        "deviation": spread.deviation,
        "parts": {
            name: {
                "variance": part.variance,
                "raw": part.raw,
                "interval": _ends(part.interval),
                "degrees": part.degrees,
                "share": part.variance / spread.total if spread.total else None,
            }
            for name, part in spread.parts.items()
        },
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
