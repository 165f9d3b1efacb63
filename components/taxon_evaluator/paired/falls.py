"""Which taxa the candidate does worse on than the last blessed model, beyond what chance explains.

1. Tested are taxa with photos enough on which the models differ: with d of them the smallest
   p-value is 2^-d, so where that is above alpha no fall could ever be found, and the taxon would
   only make it harder to find others. d is known before it is known which way the photos went, so
   leaving taxa out by it favours nobody.
2. Each is tested one-sidedly (`mcnemar.fall_p_values`).
3. The p-values are adjusted for their number (`false_discoveries`): the bar is on how many taxa
   fell, and such a count may hold a share of alpha of false ones. Holm's method, which allows not
   one, finds nothing among thousands of taxa of a few dozen photos.
4. Fallen is a taxon whose adjusted p-value is at most alpha and that fell by more than is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.paired.false_discoveries import adjusted_p_values
from components.taxon_evaluator.paired.mcnemar import fall_p_values
from components.taxon_evaluator.paired.pair_counts import OUTCOMES
from components.taxon_evaluator.paired.paired_interval import paired_interval
from components.taxon_evaluator.tables.keyed_sums import KeyedSums

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Falls:
    """T taxa, each with photos.

    Attributes:
        taxon_ids: int64 [T], sorted.
        outcomes: int64 [T, 4], photos by `pair_counts.OUTCOMES`.
        change: float64 [T], the candidate's top-1 less the baseline's.
        low: float64 [T], lower end of its 95 % interval.
        high: float64 [T], upper end.
        p_values: float64 [T], of a fall, one-sided.
        adjusted: float64 [T], the same for all tests at once; NaN where there was no test.
        fallen: bool [T].
    """

    taxon_ids: Ints
    outcomes: Ints
    change: Floats
    low: Floats
    high: Floats
    p_values: Floats
    adjusted: Floats
    fallen: npt.NDArray[np.bool_]

    @property
    def photos(self) -> Ints:
        """int64 [T]."""
        return np.asarray(self.outcomes.sum(axis=1))


def find_falls(counts: KeyedSums, *, alpha: float, max_fall: float) -> Falls:
    """Returns what became of each taxon.

    Args:
        counts: of `pair_counts`.
        alpha: share of the fallen that may be chance, 0..1.
        max_fall: how much lower top-1 may be, 0..1; more is a fall.
    """
    photos = counts.sums.sum(axis=1)
    gained = counts.sums[:, OUTCOMES.index("only_candidate")]
    lost = counts.sums[:, OUTCOMES.index("only_baseline")]
    p_values = fall_p_values(gained, lost)
    tested = 0.5 ** (gained + lost) <= alpha
    adjusted = np.full(len(photos), np.nan)
    adjusted[tested] = adjusted_p_values(p_values[tested])
    change = (gained - lost) / photos
    # A comparison with NaN is False: what was not tested has not fallen.
    fallen = (adjusted <= alpha) & (change < -max_fall)
    low, high = paired_interval(gained, lost, photos)
    return Falls(counts.keys, counts.sums, change, low, high, p_values, adjusted, fallen)
