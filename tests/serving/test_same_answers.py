from __future__ import annotations

import numpy as np
import pytest

from serving.same_answers import PICTURES, Difference, difference, smooth_pictures

LEAVES = 80_000


def answers(logits: np.ndarray, features: np.ndarray | None = None) -> tuple:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return scores, features if features is None else features.astype(np.float32)


def drawn(seed: int, width: int, spread: float) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, (PICTURES, width))


@pytest.mark.parametrize("spread", [0.01, 1.0, 30.0])
def test_other_answers_are_seen_however_many_leaves_share_the_score(spread: float) -> None:
    right, wrong = drawn(0, LEAVES, spread), drawn(1, LEAVES, spread)

    assert difference(answers(right), answers(right)).of_changes == 0
    assert difference(answers(right), answers(wrong)).of_changes > 0.5
    if spread == 0.01:
        # All that a bar on scores sees.
        assert difference(answers(right), answers(wrong)).score < 1e-5


def test_rounding_is_small_whatever_all_pictures_share() -> None:
    logits = drawn(0, 100, 0.01) + np.linspace(0, 20, 100)
    rounded = logits + 1e-6 * drawn(1, 100, 1)

    assert difference(answers(logits), answers(rounded)).of_changes < 1e-3


def test_a_network_that_says_the_same_of_every_picture_has_rounding_as_well() -> None:
    logits = np.tile(drawn(0, 1, 3)[:1], (PICTURES, 100)) + np.linspace(0, 9, 100)
    rounded = logits + 1e-7 * drawn(1, 100, 1)

    assert difference(answers(logits), answers(rounded)).of_changes < 0.01


def test_features_are_compared_beside_what_they_change_by() -> None:
    logits, features = drawn(0, 10, 1), 100 + drawn(1, 50, 1)

    found = difference(answers(logits, features), answers(logits, features + 0.1))

    assert found.log_score == 0
    assert 0.02 < found.feature < 0.1
    assert found.of_changes == found.feature
    assert difference(answers(logits, features), answers(logits)).feature == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_within_no_bar(value: float) -> None:
    right = answers(drawn(0, 10, 1), drawn(1, 10, 1))
    for place in (0, 1):
        broken = [part.copy() for part in right]
        broken[place][0, 0] = value
        assert not difference(right, (broken[0], broken[1])).within(score=1.0, share=1e9)


def test_each_difference_has_its_bar() -> None:
    found = Difference(score=1e-5, log_score=0.002, feature=0.004)

    assert found.within(score=1e-5, share=0.004)
    assert not found.within(score=9e-6, share=0.004)
    assert not found.within(score=1e-5, share=0.003)
    assert found.words == (
        "1e-05 in a score, 0.002 of what the logarithms of scores change by between pictures, "
        "0.004 of what features do"
    )


def test_pictures_are_smooth_and_differ() -> None:
    pictures = smooth_pictures(64)

    assert pictures.shape == (PICTURES, 64, 64, 3)
    assert pictures.dtype == np.float32
    assert pictures.min() >= 0
    assert pictures.max() <= 255
    assert np.abs(np.diff(pictures, axis=1)).max() < 20
    means = pictures.mean(axis=(1, 2, 3))
    assert np.all(np.diff(means) > 15)
    assert pictures.std(axis=(1, 2)).min() > 5
