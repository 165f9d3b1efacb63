"""How far a change of accuracy on the same photos can be trusted.

The adjusted Wald interval of Bonett and Price, "Adjusted Wald confidence interval for a difference
of binomial proportions based on paired data", 2012: a photo is added to either side before the
normal interval is taken, which makes it honest for few photos, too.

Law: -1 <= low <= change <= high <= 1; swapping the models turns the interval round.

    >>> low, high = paired_interval(np.array([2]), np.array([12]), np.array([100]))
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (-0.174, -0.022)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.wilson import Z_95

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def paired_interval(
    only_candidate: Ints, only_baseline: Ints, photos: Ints, *, z: float = Z_95
) -> tuple[Floats, Floats]:
    """Returns (low, high), float64 [T]: of the candidate's accuracy less the baseline's.

    Args:
        only_candidate: int64 [T], photos that the candidate alone got right.
        only_baseline: int64 [T], photos that the baseline alone got right.
        photos: int64 [T], all of them, at least 1.
        z: half the interval's width in standard deviations.
    """
    count = photos + 2.0
    gained, lost = (only_candidate + 1) / count, (only_baseline + 1) / count
    centre = gained - lost
    half = z * np.sqrt((gained + lost - centre**2) / count)
    return np.maximum(centre - half, -1.0), np.minimum(centre + half, 1.0)
