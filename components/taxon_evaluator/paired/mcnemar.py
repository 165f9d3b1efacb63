"""Whether two models that answered the same photos differ by more than chance: exact tests.

Photos that both get right, or both wrong, say nothing. Of the others, if neither model were better,
each would go to either side like a fair coin: so counts of one side are Binomial(d, 1/2).
Q. McNemar, "Note on the sampling error of the difference between correlated proportions", 1947.

Law: a p-value is the probability, under the fair coin, of what came or of anything as extreme; so
it falls as photos go from one side to the other, and swapping the models leaves the two-sided one
as it is.

    >>> round(float(fall_p_values(np.array([1]), np.array([7]))[0]), 5)   # 9 / 256
    0.03516
    >>> round(two_sided_p_value(1, 7), 5)
    0.07031
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def fall_p_values(only_candidate: Ints, only_baseline: Ints) -> Floats:
    """Returns float64 [T], one-sided: how often a fair coin gives the baseline as many or more.

    Args:
        only_candidate: int64 [T], photos that the candidate alone got right.
        only_baseline: int64 [T], photos that the baseline alone got right.
    """
    sides = np.stack([only_candidate, only_baseline], axis=1).astype(np.int64)
    # Of thousands of taxa, most share their two small numbers with many others.
    unique, place = np.unique(sides, axis=0, return_inverse=True)
    logs = log_factorials(int(unique.sum(axis=1).max(initial=0)))
    values = [_coin_tail(int(won), int(lost), logs) for won, lost in unique]
    return np.array(values, np.float64)[place.reshape(-1)]


def two_sided_p_value(only_candidate: int, only_baseline: int) -> float:
    """Returns McNemar's exact p-value: twice the smaller tail, at most 1.

    Args:
        only_candidate: photos that the candidate alone got right.
        only_baseline: photos that the baseline alone got right.
    """
    fewer, more = sorted((only_candidate, only_baseline))
    return min(2.0 * float(fall_p_values(np.array([fewer]), np.array([more]))[0]), 1.0)


def log_factorials(largest: int) -> Floats:
    """Returns float64 [largest + 1]: the natural logarithm of each factorial."""
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, largest + 1)))])


def _coin_tail(won: int, lost: int, logs: Floats) -> float:
    """Sums Binomial(won + lost, 1/2) from `lost` up, which is from `won` down."""
    tosses = won + lost
    ways = logs[tosses] - logs[: won + 1] - logs[tosses - won : tosses + 1][::-1]
    return min(float(np.exp(ways - tosses * np.log(2.0)).sum()), 1.0)
