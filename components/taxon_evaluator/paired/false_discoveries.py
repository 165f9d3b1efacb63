"""Many tests at once: which of them hold if a set share of what is found may be chance.

Benjamini and Hochberg, "Controlling the false discovery rate", 1995. With m tests of sorted
p-values p(1) <= ... <= p(m), the adjusted value of p(i) is the least m p(j) / j over j >= i; tests
whose adjusted value is at most alpha are expected to hold a share of at most alpha of false ones,
if they are independent.

Law: adjusted values keep the order of the p-values, none is below its p-value, and none above 1.

    >>> adjusted_p_values(np.array([0.01, 0.5, 0.02])).round(3).tolist()
    [0.03, 0.5, 0.03]
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def adjusted_p_values(p_values: Floats) -> Floats:
    """Returns float64 [m], 0..1: the smallest alpha at which each test counts as found.

    Args:
        p_values: float64 [m], 0..1.
    """
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * count / np.arange(1, count + 1)
    falling = np.minimum.accumulate(scaled[::-1])[::-1]
    adjusted = np.empty(count)
    # Rounding may put the last one a hair below its own p-value.
    adjusted[order] = np.maximum(np.minimum(falling, 1.0), p_values[order])
    return adjusted
