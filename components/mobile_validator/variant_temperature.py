"""The temperature of a quantised variant: quantising makes a network surer or less sure.

As the trainer fits the network's own (`progressive_trainer.temperatures`), but in one pass and near
that one, since what quantising does is small: TRIED temperatures from two thirds of it to half as
much again are tried on the photos that the variant is compared on, and the best is taken.

Law: within 1.1 % of the temperature with the lowest log loss over these photos, if that is in the
range; what is told of it was measured on them.

    sums = CalibrationSums(0.8)         # the network's temperature
    sums.add(scores, labels)            # a batch
    sums.calibration().temperature
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.progressive_trainer.temperatures import BINS, calibration_error
from serving.temperature import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE

TRIED = 37
LOWEST_FACTOR, HIGHEST_FACTOR = 1 / 1.5, 1.5

_LEAST_SCORE = float(np.finfo(np.float32).tiny)
"""Stands for a score that was rounded to 0, whose log loss would have no end."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class VariantCalibration:
    """What temperatures are good for, over the photos that the variant was compared on.

    Attributes:
        temperature: that suits the variant best.
        log_loss: mean, of the scores as they are.
        network_log_loss: mean, of scores put right by the network's temperature.
        calibrated_log_loss: mean, by the variant's own.
        calibration_error: expected, 0..1, of the scores as they are.
        network_calibration_error: by the network's temperature.
        calibrated_calibration_error: by the variant's own.
    """

    temperature: float
    log_loss: float
    network_log_loss: float
    calibrated_log_loss: float
    calibration_error: float
    network_calibration_error: float
    calibrated_calibration_error: float


class CalibrationSums:
    """Log loss and reliability curve of the photos seen so far, by temperature.

    Args:
        network_temperature: of the network that the variant was made from.
    """

    def __init__(self, network_temperature: float) -> None:
        factors = np.geomspace(LOWEST_FACTOR, HIGHEST_FACTOR, TRIED)
        near = np.clip(network_temperature * factors, LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE)
        # Rounded, for those who read a manifest: what is rounded is what is tried.
        self._tried = np.array([1.0, network_temperature, *np.round(near, 4)])
        self._loss = np.zeros(len(self._tried))
        self._curves = np.zeros((len(self._tried), 3, BINS))
        self._sound = True

    def add(self, scores: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> None:
        """Counts a batch.

        Args:
            scores: float32 [B, N], as the variant gives them.
            labels: int64 [B], 0..N-1.
        """
        if not (np.isfinite(scores).all() and (scores.max(axis=1) > 0).all()):
            self._sound = False
            return
        best = scores.max(axis=1, keepdims=True)
        below = np.log(np.maximum(scores, _LEAST_SCORE)) - np.log(best)
        own, hits = below[np.arange(len(labels)), labels], scores.argmax(axis=1) == labels
        for row, temperature in enumerate(self._tried):
            # -ln of the best leaf's score.
            normaliser = np.log(np.exp(below / np.float32(temperature)).sum(axis=1, dtype=float))
            self._loss[row] += float((normaliser - own / temperature).sum())
            self._curves[row] += _curve(hits, np.exp(-normaliser))

    def calibration(self) -> VariantCalibration | None:
        """Returns what suits the variant; None if a photo's scores were no scores, or none came."""
        photos = self._curves[0, 0].sum()
        if not self._sound or not photos:
            return None
        best = 2 + int(np.argmin(self._loss[2:]))
        losses = self._loss / photos
        errors = calibration_error(self._curves[:, 0], self._curves[:, 1], self._curves[:, 2])
        return VariantCalibration(
            float(self._tried[best]),
            *(float(losses[row]) for row in (0, 1, best)),
            *(float(errors[row]) for row in (0, 1, best)),
        )


def _curve(hits: npt.NDArray[np.bool_], confidence: Floats) -> Floats:
    """Returns float64 [3, BINS]: photos, hits and confidence of each bin."""
    # Bins are open below and closed above, as the Evaluator's are.
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    rows = (np.ones(len(hits)), hits.astype(float), confidence)
    return np.stack([np.bincount(bins, weights=row, minlength=BINS) for row in rows])
