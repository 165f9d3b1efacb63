from __future__ import annotations

import numpy as np
import pytest

from components.mobile_validator.variant_temperature import CalibrationSums
from components.progressive_trainer.temperatures import calibration_error
from serving.temperature import apply_temperature


def world(true_temperature: float, photos: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Scores float32 [P, 6], and labels drawn by the scores put right by the temperature."""
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (photos, 6))
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    sums = apply_temperature(scores, true_temperature).cumsum(axis=1)
    labels = (rng.uniform(size=(photos, 1)) > sums).sum(axis=1)
    return scores.astype(np.float32), np.minimum(labels, 5)


@pytest.mark.parametrize("true_temperature", [0.8, 1.0, 1.3])
def test_the_temperature_by_which_labels_were_drawn_is_found(true_temperature: float) -> None:
    scores, labels = world(true_temperature)
    sums = CalibrationSums(1.05)
    for start in range(0, len(labels), 3000):
        sums.add(scores[start : start + 3000], labels[start : start + 3000])

    found = sums.calibration()

    assert found is not None
    assert found.temperature == pytest.approx(true_temperature, rel=0.05)
    assert found.calibrated_calibration_error < 0.01
    own = apply_temperature(scores, found.temperature)[np.arange(len(labels)), labels]
    assert found.calibrated_log_loss == pytest.approx(-np.log(own).mean(), rel=1e-4)
    network = apply_temperature(scores, 1.05)[np.arange(len(labels)), labels]
    assert found.network_log_loss == pytest.approx(-np.log(network).mean(), rel=1e-4)
    plain = scores[np.arange(len(labels)), labels]
    assert found.log_loss == pytest.approx(-np.log(plain).mean(), rel=1e-4)


def test_the_error_is_that_of_ten_bins() -> None:
    scores, labels = world(1.3, photos=500)
    sums = CalibrationSums(1.0)
    sums.add(scores, labels)
    confidence, hits = scores.max(axis=1), scores.argmax(axis=1) == labels
    bins = np.ceil(confidence * 10).astype(int) - 1
    photos, right, sure = (
        np.bincount(bins, weights=row, minlength=10) for row in (bins * 0 + 1, hits, confidence)
    )

    found = sums.calibration()

    assert found is not None
    assert found.calibration_error == pytest.approx(
        float(calibration_error(photos, right, sure)), abs=1e-6
    )


def test_scores_rounded_to_nought_end_in_numbers() -> None:
    sums = CalibrationSums(0.21)  # its lower neighbours are out of the range
    sums.add(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32), np.array([1, 1]))

    found = sums.calibration()

    assert found is not None
    assert np.isfinite(found.calibrated_log_loss)
    assert found.temperature >= 0.2


def test_what_are_no_scores_give_no_temperature() -> None:
    for scores in ([[np.nan, 1.0]], [[0.0, 0.0]]):
        sums = CalibrationSums(1.0)
        sums.add(np.array(scores, np.float32), np.array([0]))
        assert sums.calibration() is None
    assert CalibrationSums(1.0).calibration() is None
