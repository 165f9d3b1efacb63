from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import minimize_scalar

from components.progressive_trainer import calibration, worker
from components.progressive_trainer.calibration import temperature_sums
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.stop_request import TrainingStopped
from components.progressive_trainer.temperatures import (
    BINS,
    Calibration,
    finer_temperatures,
    first_temperatures,
)
from serving.temperature import apply_temperature

PHOTOS, LEAVES = 400, 12


def photos(sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from a softmax, and logits that are `sharpness` times too large."""
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 2, (PHOTOS, LEAVES))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(LEAVES, p=row) for row in shares])
    return labels, (sharpness * logits).astype(np.float32)


def log_loss(labels: np.ndarray, logits: np.ndarray, temperature: float) -> float:
    scores = np.exp(logits.astype(np.float64))
    calibrated = apply_temperature(scores, temperature)
    return float(-np.log(calibrated[np.arange(len(labels)), labels]).mean())


def test_sums_are_those_of_a_plain_count() -> None:
    labels, logits = photos(1.5)
    weights = (np.arange(PHOTOS) % 3 > 0).astype(np.float32)

    sums = temperature_sums(
        tf.constant(labels), tf.constant(logits), tf.constant(weights), tf.constant([0.5, 2.0])
    ).numpy()

    for row, temperature in zip(sums, (0.5, 2.0), strict=True):
        scores = apply_temperature(np.exp(logits.astype(np.float64)), temperature)
        kept = weights > 0
        losses = -np.log(scores[np.arange(PHOTOS), labels])[kept]
        assert row[0] == pytest.approx(losses.sum(), rel=1e-5)
        best = scores.max(axis=1)[kept]
        hits = (scores.argmax(axis=1) == labels)[kept]
        bins = np.ceil(best * BINS).astype(int) - 1
        in_bin, right, confidence = row[1:].reshape(3, BINS)
        assert in_bin.tolist() == np.bincount(bins, minlength=BINS).tolist()
        assert right.tolist() == np.bincount(bins, hits, minlength=BINS).tolist()
        np.testing.assert_allclose(confidence, np.bincount(bins, best, minlength=BINS), rtol=1e-4)


@pytest.mark.parametrize("sharpness", [0.3, 0.8, 1.0, 2.5])
def test_temperature_is_the_one_with_the_lowest_log_loss(
    sharpness: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels, logits = photos(sharpness)

    found = calibrated(labels, logits, monkeypatch)

    best = minimize_scalar(
        lambda t: log_loss(labels, logits, t),
        bounds=(0.2, 5.0),
        method="bounded",
        options={"xatol": 1e-6},
    )
    assert found.temperature == pytest.approx(best.x, rel=0.004)
    assert found.temperature == pytest.approx(sharpness, rel=0.15)
    assert found.log_loss == pytest.approx(log_loss(labels, logits, 1.0), rel=1e-5)
    assert found.calibrated_log_loss == pytest.approx(best.fun, rel=1e-5)
    assert not found.at_limit
    if abs(sharpness - 1) > 0.5:
        assert found.calibrated_calibration_error < found.calibration_error / 2


def test_photos_that_are_all_right_end_at_the_limit_which_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, logits = photos(1.0)

    found = calibrated(logits.argmax(axis=1), logits, monkeypatch)

    assert (found.temperature, found.at_limit) == (0.2, True)
    assert found.as_dict()["at_limit"]
    assert found.words().endswith(
        "; it is the end of the range (0.2 to 5): too few val photos, or none of them wrong?"
    )


def test_temperatures_tried_have_one_in_their_middle_and_close_in() -> None:
    coarse = first_temperatures()

    assert coarse[len(coarse) // 2] == 1
    for best in (0, 16, 32):
        fine = finer_temperatures(coarse, best)
        assert fine[0] == coarse[max(best - 1, 0)]
        assert fine[-1] == coarse[min(best + 1, 32)]
        assert (fine[1:] / fine[:-1]).max() < 1.008


def calibrated(
    labels: np.ndarray, logits: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> Calibration:
    """What `calibrate` makes of a network that gives these logits."""

    def sums_over(step: Any, *_: Any, **__: Any) -> np.ndarray:
        return np.asarray(step(), np.float64).reshape(-1)

    monkeypatch.setattr(calibration, "sums_over", sums_over)
    monkeypatch.setattr(
        calibration,
        "calibration_step",
        lambda *_: (
            lambda tried: temperature_sums(
                tf.constant(labels), tf.constant(logits), tf.ones(PHOTOS), tried
            )
        ),
    )
    found = calibration.calibrate(
        None,
        [],
        num_photos=PHOTOS,
        image_size_px=32,
        global_batch=4,
        devices=None,
        stop=None,
    )
    assert found is not None
    return found


@pytest.mark.parametrize("passes", [0, 1])
def test_stop_in_either_pass_ends_it_to_be_taken_up_again(
    passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: Any = SimpleNamespace(flag=lambda: 0.0)
    done = iter([np.arange(33.0 * 31)] * passes + [None])
    monkeypatch.setattr(calibration, "sums_over", lambda *_, **__: next(done))
    monkeypatch.setattr(calibration, "calibration_step", lambda *_: None)
    loop: Any = SimpleNamespace(
        result=None,
        val=SimpleNamespace(files=[], count=PHOTOS),
        plan=[SimpleNamespace(image_size_px=32, end_examples=1700)],
        devices=SimpleNamespace(part=lambda: None),
    )

    with pytest.raises(TrainingStopped) as caught:
        worker._calibrate(loop, TrainerSettings(), stopped)

    assert caught.value.examples_seen == 1700
