"""How much of a spread lies between groups, and how much within: a nested analysis of variance.

Trainings (s) of one recipe on several exports (g) give values

    y_gs = mean + between_g + within_gs,

random effects of variances to be found. With a groups of n_g values, N in all,

    MSW = sum (y_gs - mean_g)^2 / (N - a)          estimates  within
    MSB = sum n_g (mean_g - mean)^2 / (a - 1)      estimates  within + n0 between
    n0  = (N - sum n_g^2 / N) / (a - 1)

so that (MSB - MSW) / n0 estimates between: without bias, and below 0 at times (Searle, Casella and
McCulloch, "Variance Components", 1992, ch. 3). Where every group has one value, MSB alone is there:
the two cannot be told apart.

Intervals are of 95 % for normal effects: of MSW by chi-square; of between by Williams and Tukey
("A confidence interval for variance components", Biometrika 49, 1962), which with groups of
different sizes is an approximation. Both are very wide for few degrees of freedom.

Law: adding a constant changes nothing; multiplying by c multiplies all by c^2.

    found = nested_anova(values, groups)     # float [R, ...], int [R]
    found.within, found.between
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

_TAIL = 0.025


@dataclass(frozen=True)
class Interval:
    """95 % of a variance."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class NestedAnova:
    """What R values in a groups say; arrays have the shape of one value.

    Attributes:
        groups: a.
        within_degrees: R - a.
        n0: values a group, as MSB counts them.
        mean: of all values.
        within: MSW; NaN where no group has two values.
        mean_square_between: MSB; NaN where there is one group.
    """

    groups: int
    within_degrees: int
    n0: float
    mean: Floats
    within: Floats
    mean_square_between: Floats

    @property
    def between_degrees(self) -> int:
        """a - 1."""
        return self.groups - 1

    @property
    def between(self) -> Floats:
        """The estimate, which may be below 0; NaN where it cannot be told from `within`."""
        return (self.mean_square_between - self.within) / self.n0

    def within_interval(self) -> Interval | None:
        """Returns that of a single value's `within`; None where there is none."""
        return mean_square_interval(float(self.within), self.within_degrees)

    def between_interval(self) -> Interval | None:
        """Returns that of a single value's `between`; None where it cannot be told."""
        if not self.between_degrees or not self.within_degrees:
            return None
        degrees = self.between_degrees, self.within_degrees
        square, within = float(self.mean_square_between), float(self.within)
        sum_of_squares = square * self.between_degrees
        ends = []
        for tail in (1 - _TAIL, _TAIL):
            # F x MSW / MSB, where MSW may be 0 and MSB as well.
            share = stats.f.ppf(tail, *degrees) * within
            excess = sum_of_squares * (1 - share / square) if square else -share
            ends.append(excess / (self.n0 * stats.chi2.ppf(tail, self.between_degrees)))
        return Interval(max(ends[0], 0.0), max(ends[1], 0.0))


def mean_square_interval(mean_square: float, degrees: int) -> Interval | None:
    """Returns the interval of the variance that a mean square estimates; None without degrees."""
    if degrees < 1:
        return None
    low, high = stats.chi2.ppf([1 - _TAIL, _TAIL], degrees)
    return Interval(mean_square * degrees / low, mean_square * degrees / high)


def nested_anova(values: Floats, groups: npt.NDArray[np.integer]) -> NestedAnova:
    """Returns the analysis of R values, or of many at once.

    Args:
        values: float64 [R, ...], at least 2; each row is of one training.
        groups: int [R], number of each row's group, from 0 without a gap.
    """
    sizes = np.bincount(groups).astype(np.float64)
    count, num_groups = len(values), len(sizes)
    mean = values.mean(axis=0)
    means = np.stack([values[groups == group].mean(axis=0) for group in range(num_groups)])
    within = ((values - means[groups]) ** 2).sum(axis=0)
    weights = sizes.reshape(-1, *([1] * (values.ndim - 1)))
    between = (weights * (means - mean) ** 2).sum(axis=0)
    degrees = num_groups - 1, count - num_groups
    unknown = np.full(mean.shape, np.nan)
    return NestedAnova(
        groups=num_groups,
        within_degrees=degrees[1],
        n0=float((count - (sizes**2).sum() / count) / degrees[0]) if degrees[0] else 1.0,
        mean=mean,
        within=np.asarray(within / degrees[1]) if degrees[1] else unknown,
        mean_square_between=np.asarray(between / degrees[0]) if degrees[0] else unknown,
    )
