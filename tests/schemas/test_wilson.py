from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.wilson import Z_95, wilson_interval


@given(trials=st.integers(1, 10**9), share=st.floats(0, 1))
def test_interval_holds_the_share_and_stays_inside_0_and_1(trials: int, share: float) -> None:
    hits = round(trials * share)

    low, high = wilson_interval(np.array([hits]), np.array([trials]))

    assert 0 <= low[0] <= hits / trials <= high[0] <= 1


@given(trials=st.integers(1, 10**6), share=st.floats(0, 1))
def test_ends_are_the_shares_from_which_the_hits_are_just_as_far_as_allowed(
    trials: int, share: float
) -> None:
    """Wilson's definition: |share - p| = z sqrt(p (1 - p) / n) at both ends."""
    hits = round(trials * share)

    ends = wilson_interval(np.array([hits]), np.array([trials]))

    for end in (ends[0][0], ends[1][0]):
        reach = Z_95 * np.sqrt(end * (1 - end) / trials)
        assert abs(hits / trials - end) == pytest.approx(reach, abs=1e-9)


@given(trials=st.integers(1, 10**6), share=st.floats(0, 1))
def test_more_photos_of_the_same_share_are_surer(trials: int, share: float) -> None:
    hits = round(trials * share)

    low, high = wilson_interval(np.array([hits, 4 * hits]), np.array([trials, 4 * trials]))

    assert high[1] - low[1] < high[0] - low[0]


def test_no_photo_says_nothing() -> None:
    low, high = wilson_interval(np.array([0]), np.array([0]))

    assert (low[0], high[0]) == (0.0, 1.0)
