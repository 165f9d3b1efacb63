"""How far figures are off because so few photos were asked: known, since photos are counted.

A taxon of n photos, named rightly with chance p, has a top-1 of variance p (1 - p) / n. The photos
of an export are drawn taxon by taxon, so many of each; so the variance of top-1 over all photos is

    sum n_t^2 p_t (1 - p_t) / n_t / n^2

and that of the mean over T taxa the sum of p_t (1 - p_t) / n_t, by T^2. Chances are estimated from
all runs together, K of M photos: p (1 - p) by K (M - K) / (M (M - 1)), which has no bias. Photos of
one observer are alike, which makes the true noise larger.

    noise = taxon_variances(hits, photos)     # [R, T] each -> float64 [T], of a single photo
    overall_noise(noise, photos[0]), macro_noise(noise, photos[0])
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def taxon_variances(hits: Floats, photos: Ints) -> Floats:
    """Returns float64 [T]: variance of a single photo's being right; 0 where there is only one.

    Args:
        hits: float64 [R, T], photos that were right; a mean over trainings may be no whole number.
        photos: int64 [R, T], photos asked, of R sets of photos.
    """
    asked, right = photos.sum(axis=0), hits.sum(axis=0)
    return right * (asked - right) / np.maximum(asked * (asked - 1), 1)


def overall_noise(variances: Floats, photos: Ints) -> float:
    """Returns the variance of top-1 over all photos.

    Args:
        variances: float64 [T], see `taxon_variances`.
        photos: int64 [T], of one set.
    """
    return float((photos * variances).sum() / photos.sum() ** 2)


def macro_noise(variances: Floats, photos: Ints) -> float:
    """Returns the variance of the mean of top-1 over taxa that have photos; see above."""
    asked = photos > 0
    return float((variances[asked] / photos[asked]).sum() / asked.sum() ** 2)
