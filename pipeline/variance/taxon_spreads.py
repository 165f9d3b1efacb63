"""The spread of each taxon's top-1 over the runs, and whether photos alone explain it.

Where exports have photos of their own, tested are the exports' sets of photos (trainings of one
export, which answered the same photos, count as their mean). Where all answered the same photos,
tested are the runs; photos that are the same make them more alike than the test takes them to be,
so that it finds too little rather than too much.

    spreads = taxon_spreads(runs, design, alpha=0.05)
    spreads.names[0], spreads.spread[0], spreads.beyond[0]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.paired.false_discoveries import adjusted_p_values
from pipeline.variance.design import Design
from pipeline.variance.evaluated_run import EvaluatedRun
from pipeline.variance.homogeneity import homogeneity_p_values
from pipeline.variance.nested_anova import nested_anova
from pipeline.variance.photo_noise import taxon_variances

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TaxonSpreads:
    """T taxa over R runs; NaN where something cannot be said.

    Attributes:
        taxon_ids: int64 [T].
        names: T.
        photos: int64 [R, T], asked by each run.
        top1: float64 [R, T].
        spread: float64 [T], standard deviation of top-1 over the runs.
        photo_noise: float64 [T], the standard deviation that photos alone would give.
        training: float64 [T], the one between trainings on one export.
        p_values: float64 [T], how often photos alone give as large a spread.
        adjusted: float64 [T], adjusted for all taxa tested (Benjamini and Hochberg).
        beyond: bool [T], whether photos do not explain the spread.
    """

    taxon_ids: Ints
    names: tuple[str, ...]
    photos: Ints
    top1: Floats
    spread: Floats
    photo_noise: Floats
    training: Floats
    p_values: Floats
    adjusted: Floats
    beyond: npt.NDArray[np.bool_]

    @property
    def compared(self) -> npt.NDArray[np.bool_]:
        """bool [T]: whether every run was asked photos of the taxon."""
        return np.isfinite(self.spread)

    @property
    def mean(self) -> Floats:
        """float64 [T]: of top-1 over the runs."""
        mean: Floats = self.top1.mean(axis=0)
        return mean


def taxon_spreads(runs: Sequence[EvaluatedRun], design: Design, *, alpha: float) -> TaxonSpreads:
    """Returns the spreads.

    Args:
        runs: of the same leaves.
        design: of the runs.
        alpha: share of the taxa found beyond photos that may be chance.
    """
    photos = np.stack([run.photos for run in runs])
    hits = np.stack([run.hits for run in runs])
    top1 = np.where(photos > 0, hits / np.maximum(photos, 1), np.nan)
    set_photos, set_hits = design.by_set(photos, hits)
    p_values = (
        homogeneity_p_values(hits.astype(np.float64), photos)
        if design.shares_photos
        else homogeneity_p_values(set_hits, set_photos)
    )
    tested = np.isfinite(p_values)
    adjusted = np.full(len(p_values), np.nan)
    adjusted[tested] = adjusted_p_values(p_values[tested])
    reciprocals = np.where(set_photos > 0, 1 / np.maximum(set_photos, 1), np.nan)
    noise = taxon_variances(set_hits, set_photos) * reciprocals.mean(axis=0)
    return TaxonSpreads(
        runs[0].taxon_ids,
        runs[0].names,
        photos,
        top1,
        spread=top1.std(axis=0, ddof=1),
        photo_noise=np.sqrt(noise),
        training=np.sqrt(nested_anova(top1, design.groups).within),
        p_values=p_values,
        adjusted=adjusted,
        beyond=tested & (np.nan_to_num(adjusted, nan=1.0) <= alpha),
    )
