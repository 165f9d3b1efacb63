"""Parts of a variance against those that the values were drawn with."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.variance.nested_anova import mean_square_interval, nested_anova

WITHIN, BETWEEN = 4.0, 9.0
BALANCED, UNBALANCED = (3, 3, 3, 3), (1, 5, 2, 4)
DRAWS = 2000


def groups_of(sizes: tuple[int, ...]) -> np.ndarray:
    return np.repeat(np.arange(len(sizes)), sizes)


def drawn(sizes: tuple[int, ...], count: int) -> np.ndarray:
    """float [R, count]: values with the parts above."""
    rng, groups = np.random.default_rng(11), groups_of(sizes)
    between = rng.normal(0, math.sqrt(BETWEEN), (len(sizes), count))
    return 50 + between[groups] + rng.normal(0, math.sqrt(WITHIN), (len(groups), count))


@pytest.mark.parametrize("sizes", [BALANCED, UNBALANCED, (2, 2)])
def test_estimates_have_no_bias(sizes: tuple[int, ...]) -> None:
    found = nested_anova(drawn(sizes, 40_000), groups_of(sizes))

    for estimate, truth in ((found.within, WITHIN), (found.between, BETWEEN)):
        error = estimate.std() / math.sqrt(len(estimate))
        assert abs(estimate.mean() - truth) < 4 * error


@pytest.mark.parametrize(
    ("sizes", "least"), [(BALANCED, 0.94), (UNBALANCED, 0.92), ((2, 2), 0.94), ((8, 8), 0.94)]
)
def test_intervals_hold_the_truth_as_often_as_they_say(
    sizes: tuple[int, ...], least: float
) -> None:
    groups, inside = groups_of(sizes), np.zeros(2)
    for values in drawn(sizes, DRAWS).T:
        found = nested_anova(values, groups)
        for number, (interval, truth) in enumerate(
            ((found.within_interval(), WITHIN), (found.between_interval(), BETWEEN))
        ):
            inside[number] += interval.low <= truth <= interval.high

    # Three standard errors of a share of 2,000 are 0.015.
    assert abs(inside[0] / DRAWS - 0.95) < 0.015
    assert inside[1] / DRAWS > least - 0.015


VALUES = hnp.arrays(np.float64, 7, elements=st.floats(-100, 100))


@given(VALUES, st.floats(-10, 10), st.floats(0.1, 10))
def test_parts_move_as_variances_do(values: np.ndarray, shift: float, scale: float) -> None:
    groups = groups_of((2, 1, 4))

    one, other = nested_anova(values, groups), nested_anova(scale * values + shift, groups)

    np.testing.assert_allclose(other.within, scale**2 * one.within, atol=1e-6)
    np.testing.assert_allclose(other.between, scale**2 * one.between, atol=1e-6)


@given(VALUES)
def test_parts_are_the_sums_taken_literally(values: np.ndarray) -> None:
    sizes = (2, 1, 4)
    parts = np.split(values, np.cumsum(sizes)[:-1])
    within = sum(float(((part - part.mean()) ** 2).sum()) for part in parts) / 4
    between = sum(len(part) * (part.mean() - values.mean()) ** 2 for part in parts) / 2
    n0 = (7 - (4 + 1 + 16) / 7) / 2

    found = nested_anova(values, groups_of(sizes))

    assert found.within == pytest.approx(within)
    assert found.between == pytest.approx((between - within) / n0)
    assert (found.between_degrees, found.within_degrees) == (2, 4)


def test_two_runs_have_the_chi_square_interval_of_one_degree() -> None:
    found = nested_anova(np.array([0.8, 0.9]), np.array([0, 0]))

    interval = found.within_interval()
    # Quantiles of one degree: 5.0239 and 0.00098207.
    assert found.within == pytest.approx(0.005)
    assert (interval.low, interval.high) == pytest.approx((0.005 / 5.0239, 0.005 / 9.8207e-4), 1e-4)
    assert found.between_interval() is None
    assert np.isnan(found.between)
    assert mean_square_interval(0.005, 0) is None


def test_runs_that_are_alike_have_no_spread() -> None:
    found = nested_anova(np.full(4, 0.8), np.array([0, 0, 1, 1]))

    assert (found.within, found.between) == (0, 0)
    assert (found.between_interval().low, found.between_interval().high) == (0, 0)
