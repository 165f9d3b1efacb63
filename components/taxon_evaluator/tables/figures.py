"""The figures of slices, from their sums: values with how far each can be trusted.

Law: a figure is a function of its slice's sums, so that slices of any make (leaves, families,
years) are treated alike.

A share has Wilson's interval. A mean has mean ± 1.96 standard errors, held within its range. What
has no honest interval (the calibration error) has none: low and high are NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.tables.keyed_sums import ONE
from components.taxon_evaluator.tables.photo_columns import (
    ANSWER_BANDS,
    ANSWER_RULES,
    TOP_KS,
    WITHIN_LEVELS,
    PhotoColumns,
)
from schemas.wilson import Z_95, wilson_interval

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Figure:
    """One metric of S slices.

    Attributes:
        n: int64 [S], photos (or taxa) that it is taken over; where it is 0 there is no value.
        value: float64 [S].
        low: float64 [S], lower end of the 95 % interval, or NaN.
        high: float64 [S], upper end.
    """

    n: Ints
    value: Floats
    low: Floats
    high: Floats

    def of(self, slices: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Figure:
        """Returns the figure of some of the slices."""
        return Figure(self.n[slices], self.value[slices], self.low[slices], self.high[slices])


def share(hits: Ints, trials: Ints) -> Figure:
    """Returns a proportion with Wilson's interval."""
    return Figure(trials, hits / np.maximum(trials, 1), *wilson_interval(hits, trials))


def mean(total: Floats, squared: Floats, count: Ints, *, low: float, high: float) -> Figure:
    """Returns a mean with its normal interval; no interval for a single value.

    Args:
        total: float64 [S], sum of the values.
        squared: float64 [S], sum of their squares.
        count: int64 [S], how many.
        low: smallest value possible.
        high: largest value possible.
    """
    number = np.maximum(count, 1)
    value = total / number
    variance = np.maximum(squared / number - value**2, 0.0) * number / np.maximum(count - 1, 1)
    half = np.where(count > 1, Z_95 * np.sqrt(variance / number), np.nan)
    return Figure(count, value, np.maximum(value - half, low), np.minimum(value + half, high))


def without_interval(value: Floats, count: Ints) -> Figure:
    """Returns a figure of which only the value is known."""
    unknown = np.full(len(value), np.nan)
    return Figure(count, value, unknown, unknown)


def slice_figures(sums: Ints, columns: PhotoColumns) -> dict[str, Figure]:
    """Returns the figures of S slices by the name of the metric.

    Args:
        sums: int64 [S, M], of the columns.
        columns: what they count.
    """

    def of(name: str) -> Ints:
        return sums[:, columns.place[name]]

    photos = of("photos")
    figures = {f"top{k}_accuracy": share(of(f"hit{k}"), photos) for k in TOP_KS}
    figures["log_loss"] = mean(
        of("loss") / ONE, of("loss_squared") / ONE, photos, low=0.0, high=np.inf
    )
    figures["mean_reciprocal_rank"] = mean(
        of("reciprocal_rank") / ONE, of("reciprocal_rank_squared") / ONE, photos, low=0.0, high=1.0
    )
    for rank in columns.ranks:
        figures[f"{rank}_accuracy"] = share(of(f"right_{rank}"), of(f"judged_{rank}"))
    figures["confident_errors"] = share(of("confident_errors"), photos)
    figures["error_distance"] = mean(
        of("distance") / ONE, of("distance_squared") / ONE, of("errors"), low=0.0, high=100.0
    )
    for rank in WITHIN_LEVELS:
        figures[f"errors_within_{rank}"] = share(of(f"errors_within_{rank}"), of("errors"))
    return figures | _answer_figures(sums, columns) | _calibration(sums, columns)


def _answer_figures(sums: Ints, columns: PhotoColumns) -> dict[str, Figure]:
    photos = sums[:, columns.place["photos"]]
    endings = [(f"_{rule}", f"_{rule}") for rule in ANSWER_RULES]
    endings += [(f"_at_{band}", f"_default_at_{band}") for band in ANSWER_BANDS]
    figures = {}
    for column, name in endings:
        answered = sums[:, columns.place[f"answered{column}"]]
        right = sums[:, columns.place[f"answer_right{column}"]]
        figures[f"common_ancestor_share{name}"] = share(answered, photos)
        figures[f"common_ancestor_accuracy{name}"] = share(right, answered)
    return figures


def reliability(sums: Ints, columns: PhotoColumns) -> tuple[Ints, Ints, Floats]:
    """Returns photos, hits (int64 [S, bins]) and summed confidence (float64 [S, bins])."""
    first = columns.place["bin0_photos"]
    bins = sums[:, first : first + 3 * columns.bins].reshape(len(sums), columns.bins, 3)
    return bins[:, :, 0], bins[:, :, 1], bins[:, :, 2] / ONE


def _calibration(sums: Ints, columns: PhotoColumns) -> dict[str, Figure]:
    in_bin, hits, confidence = reliability(sums, columns)
    photos = in_bin.sum(axis=1)
    number = np.maximum(photos, 1)
    error = np.abs(hits - confidence).sum(axis=1) / number
    return {
        "calibration_error": without_interval(error, photos),
        "mean_confidence": without_interval(confidence.sum(axis=1) / number, photos),
        **_after_calibration(sums, columns),
    }


def _after_calibration(sums: Ints, columns: PhotoColumns) -> dict[str, Figure]:
    """The same of calibrated scores; n is 0 for a model that has none."""

    def of(name: str) -> Ints:
        return sums[:, columns.place[f"calibrated_{name}"]]

    photos, first = of("photos"), columns.place["calibrated_gap0"]
    number = np.maximum(photos, 1)
    gaps = np.abs(sums[:, first : first + columns.bins]).sum(axis=1) / ONE
    return {
        "calibrated_log_loss": mean(
            of("loss") / ONE, of("loss_squared") / ONE, photos, low=0.0, high=np.inf
        ),
        "calibrated_calibration_error": without_interval(gaps / number, photos),
        "calibrated_mean_confidence": without_interval(of("scores") / ONE / number, photos),
    }
