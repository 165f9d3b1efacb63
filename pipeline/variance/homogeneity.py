"""Whether shares of several sets of photos differ by more than their photos explain.

Pearson's statistic over G sets of n_g photos, of which k_g were right,

    X^2 = sum n_g (k_g / n_g - p)^2 / (p (1 - p)),   p = sum k / sum n,

is held against chi-square with G - 1 degrees of freedom. With 25 photos a set of which most are
right that finds too little rather than too much: of differences that are none it calls at most some
1.3 times the share that is asked for, mostly less (tests/pipeline/variance has the simulation).

Laws: exchanging right and wrong changes nothing; shares farther apart have a smaller p-value.

    homogeneity_p_values(hits, photos)     # float64 [G, T], int64 [G, T] -> float64 [T]
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def homogeneity_p_values(hits: Floats, photos: Ints) -> Floats:
    """Returns float64 [T]: how often chance alone gives as large a spread; NaN where none can be.

    None can be where all or no photos are right, or fewer than two sets have photos.

    Args:
        hits: float64 [G, T], photos that were right.
        photos: int64 [G, T], photos asked.
    """
    asked, right = photos.sum(axis=0), hits.sum(axis=0)
    sets = (photos > 0).sum(axis=0)
    testable = (right > 0) & (right < asked) & (sets > 1)
    share = np.where(testable, right / np.maximum(asked, 1), 0.5)
    squares = (hits - photos * share) ** 2 / np.maximum(photos, 1)
    statistic = squares.sum(axis=0) / (share * (1 - share))
    return np.where(testable, stats.chi2.sf(statistic, np.maximum(sets - 1, 1)), np.nan)
