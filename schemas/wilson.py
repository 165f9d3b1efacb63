"""How far a share of so few photos can be trusted: Wilson's interval.

Law: 0 <= low <= share <= high <= 1, and more photos of the same share give a narrower interval.
E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.

    >>> low, high = wilson_interval(np.array([8]), np.array([10]))
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (0.49, 0.943)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Z_95 = 1.959963984540054
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""


def wilson_interval(
    hits: npt.NDArray[np.integer], trials: npt.NDArray[np.integer], *, z: float = Z_95
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Returns (low, high), float64 of the arguments' shape; 0 and 1 where there was no trial.

    Args:
        hits: int, how many trials came out well, 0..trials.
        trials: int, how many there were.
        z: half the interval's width in standard deviations.
    """
    count = np.maximum(np.asarray(trials, np.float64), 1.0)
    share = np.asarray(hits, np.float64) / count
    spread = 1.0 + z * z / count
    centre = (share + z * z / (2 * count)) / spread
    half = z / spread * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    # Rounding may put an end of 0 or 1 beyond the share itself.
    low = np.minimum(np.maximum(centre - half, 0.0), share)
    high = np.maximum(np.minimum(centre + half, 1.0), share)
    none = np.asarray(trials) == 0
    return np.where(none, 0.0, low), np.where(none, 1.0, high)
