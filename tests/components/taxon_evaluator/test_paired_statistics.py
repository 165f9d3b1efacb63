"""Exact tests, adjustment and interval: against the slow way, and by their laws."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.taxon_evaluator.paired.false_discoveries import adjusted_p_values
from components.taxon_evaluator.paired.mcnemar import fall_p_values, two_sided_p_value
from components.taxon_evaluator.paired.paired_interval import paired_interval

SIDE = st.integers(0, 40)


def fall(won: int, lost: int) -> float:
    return float(fall_p_values(np.array([won]), np.array([lost]))[0])


def every_outcome(won: int, lost: int) -> tuple[float, float]:
    """(one-sided, two-sided) p-values, by tossing a coin for each photo in every possible way."""
    tosses = won + lost
    lost_of = [sum(coins) for coins in itertools.product((0, 1), repeat=tosses)]
    one = sum(count >= lost for count in lost_of) / 2**tosses
    as_far = sum(abs(2 * count - tosses) >= abs(won - lost) for count in lost_of) / 2**tosses
    return one, as_far


@pytest.mark.parametrize("won", range(6))
@pytest.mark.parametrize("lost", range(6))
def test_p_values_are_those_of_all_outcomes(won: int, lost: int) -> None:
    one_sided, two_sided = every_outcome(won, lost)

    assert fall(won, lost) == pytest.approx(one_sided, rel=1e-12)
    assert two_sided_p_value(won, lost) == pytest.approx(two_sided, rel=1e-12)


@pytest.mark.parametrize(("won", "lost"), [(4, 30), (450, 550), (5200, 4900), (9000, 11_000)])
def test_large_numbers_are_as_exact(won: int, lost: int) -> None:
    total, ways, of_count = won + lost, 1, 1
    for count in range(won):  # Pascal's row, of whole numbers: to begin each anew takes 20 s
        of_count = of_count * (total - count) // (count + 1)
        ways += of_count

    assert fall(won, lost) == pytest.approx(float(Fraction(ways, 2 ** (won + lost))), rel=1e-8)


@given(won=SIDE, lost=SIDE)
def test_swapped_models_differ_as_much_and_one_of_them_falls_the_more(won: int, lost: int) -> None:
    assert two_sided_p_value(won, lost) == two_sided_p_value(lost, won)
    # Both tails hold what came.
    what_came = math.comb(won + lost, won) / 2 ** (won + lost)
    assert fall(won, lost) + fall(lost, won) == pytest.approx(1 + what_came)


@given(won=SIDE, lost=SIDE)
def test_photo_lost_makes_chance_less_likely_and_photo_won_more(won: int, lost: int) -> None:
    assert fall(won, lost + 1) < fall(won, lost) or won == 0 == lost
    assert fall(won + 1, lost) > fall(won, lost) or lost == 0


@given(st.lists(st.tuples(SIDE, SIDE), max_size=30))
def test_many_taxa_are_tested_as_each_alone(sides: list[tuple[int, int]]) -> None:
    won, lost = np.array(sides, np.int64).reshape(-1, 2).T

    together = fall_p_values(won, lost)

    assert together.tolist() == pytest.approx([fall(*pair) for pair in sides], rel=1e-12)


P_VALUES = st.lists(st.floats(0, 1), max_size=12)


@given(P_VALUES, st.floats(0.001, 0.5))
def test_found_are_those_of_the_step_up_procedure(p_values: list[float], alpha: float) -> None:
    ordered = sorted(p_values)
    passed = [p for n, p in enumerate(ordered, 1) if p * len(ordered) / n <= alpha]
    bar = max(passed, default=-1.0)

    found = adjusted_p_values(np.array(p_values)) <= alpha

    assert found.tolist() == [p <= bar for p in p_values]


@given(P_VALUES)
def test_adjusted_values_keep_the_order_and_are_not_below_their_own(
    p_values: list[float],
) -> None:
    p = np.array(p_values)

    adjusted = adjusted_p_values(p)

    assert ((adjusted >= p) & (adjusted <= 1)).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()


@given(won=SIDE, lost=SIDE, same=SIDE)
def test_interval_holds_the_change_and_turns_round_with_the_models(
    won: int, lost: int, same: int
) -> None:
    photos = max(won + lost + same, 1)

    low, high = paired_interval(np.array([won]), np.array([lost]), np.array([photos]))
    turned_low, turned_high = paired_interval(np.array([lost]), np.array([won]), np.array([photos]))

    assert -1 <= low <= (won - lost) / photos <= high <= 1
    assert turned_low == pytest.approx(-high)
    assert turned_high == pytest.approx(-low)


def test_interval_narrows_with_photos() -> None:
    times = np.array([1, 10, 100])

    low, high = paired_interval(2 * times, 5 * times, 40 * times)

    assert (np.diff(high - low) < 0).all()
    # Of many photos it is the plain normal interval.
    plain = 1.96 * math.sqrt((0.175 - 0.075**2) / 4000)
    assert high[-1] - low[-1] == pytest.approx(2 * plain, rel=0.01)
