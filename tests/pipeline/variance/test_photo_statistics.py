"""Noise of photos, and the test against it, where photos are all that differs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pipeline.variance.homogeneity import homogeneity_p_values
from pipeline.variance.photo_noise import macro_noise, overall_noise, taxon_variances

DRAWS = 20_000


def test_noise_is_the_variance_that_drawing_photos_gives() -> None:
    rng = np.random.default_rng(3)
    chances, photos = rng.uniform(0.3, 1, 12), rng.integers(5, 60, 12)
    hits = rng.binomial(photos, chances, (DRAWS, 12))
    overall, macro = hits.sum(axis=1) / photos.sum(), (hits / photos).mean(axis=1)

    known = chances * (1 - chances)

    # The error of a variance of 20,000 draws is about 1 %.
    assert overall_noise(known, photos) == pytest.approx(overall.var(), rel=0.04)
    assert macro_noise(known, photos) == pytest.approx(macro.var(), rel=0.04)


def test_estimated_from_two_sets_it_has_no_bias() -> None:
    rng = np.random.default_rng(4)
    photos = np.array([3, 8, 25])
    chances = np.array([0.9, 0.5, 0.8])
    hits = rng.binomial(photos, chances, (2, DRAWS, 3)).astype(float)
    asked = np.broadcast_to(photos, hits.shape)

    estimates = taxon_variances(hits.reshape(2, -1), asked.reshape(2, -1)).reshape(DRAWS, 3)

    error = estimates.std(axis=0) / np.sqrt(DRAWS)
    assert (abs(estimates.mean(axis=0) - chances * (1 - chances)) < 4 * error).all()


def test_a_taxon_without_photos_takes_no_part() -> None:
    photos = np.array([[10, 0], [10, 0]])
    hits = np.array([[5.0, 0], [7.0, 0]])

    variances = taxon_variances(hits, photos)

    assert variances[1] == 0
    assert macro_noise(variances, photos[0]) == variances[0] / 10


def test_p_value_is_that_of_a_table_of_right_and_wrong() -> None:
    hits, photos = np.array([[20.0], [11.0], [16.0]]), np.array([[25], [20], [18]])

    (p_value,) = homogeneity_p_values(hits, photos)

    table = np.concatenate([hits, photos - hits], axis=1)
    assert p_value == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


@pytest.mark.parametrize(("sets", "photos"), [(2, 25), (2, 100), (3, 25), (5, 40)])
@pytest.mark.parametrize("chance", [0.6, 0.9, 0.97])
def test_photos_alone_are_seldom_called_a_difference(sets: int, photos: int, chance: float) -> None:
    rng = np.random.default_rng(5)
    asked = np.full((sets, DRAWS), photos)
    hits = rng.binomial(photos, chance, asked.shape).astype(float)

    p_values = homogeneity_p_values(hits, asked)

    for level in (0.05, 0.01, 0.001):
        found = np.nanmean(p_values <= level)
        allowed = 1.3 * level
        assert found < allowed + 3 * np.sqrt(allowed / DRAWS), level


def test_what_cannot_differ_is_not_tested() -> None:
    hits = np.array([[5.0, 0, 3, 2], [5.0, 0, 0, 1]])
    photos = np.array([[5, 5, 4, 4], [5, 5, 0, 4]])

    tested = np.isfinite(homogeneity_p_values(hits, photos))

    assert tested.tolist() == [False, False, False, True]
