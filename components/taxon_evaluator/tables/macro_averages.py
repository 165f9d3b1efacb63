"""Macro averages: plain means over the taxa of a slice, the rare counting as much as the common.

A taxon counts in a slice if it has photos there. The precision of one never answered with is 0, as
in scikit-learn's zero_division=0. The interval is that of a mean over taxa: it says what other taxa
like these would give.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.tables.figures import Figure, mean

Ints = npt.NDArray[np.int64]

MACRO_METRICS = ("macro_top1_accuracy", "macro_precision", "macro_f1")


def macro_figures(
    slices: Ints, count: int, photos: Ints, hits: Ints, answered: Ints
) -> dict[str, Figure]:
    """Returns MACRO_METRICS of some slices.

    Args:
        slices: int64 [R], number of the slice that a row counts in; -1: in none. A row is a leaf,
            or a leaf in a slice.
        count: how many slices there are.
        photos: int64 [R], photos of the leaf.
        hits: int64 [R], those whose best answer it was.
        answered: int64 [R], photos whose best answer it was, of whatever leaf they are.
    """
    rows = np.flatnonzero((slices >= 0) & (photos > 0))
    place, photos, hits, answered = slices[rows], photos[rows], hits[rows], answered[rows]
    values = (hits / photos, hits / np.maximum(answered, 1), 2 * hits / (photos + answered))
    return {
        name: _mean_of_each(place, each, count)
        for name, each in zip(MACRO_METRICS, values, strict=True)
    }


def _mean_of_each(place: Ints, values: npt.NDArray[np.float64], count: int) -> Figure:
    return mean(
        np.bincount(place, values, minlength=count).astype(np.float64),
        np.bincount(place, values**2, minlength=count).astype(np.float64),
        np.bincount(place, minlength=count),
        low=0.0,
        high=1.0,
    )
