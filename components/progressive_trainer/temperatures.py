"""Which temperature suits a network best: those that are tried, and what comes of it.

The log loss of softmax(z / T) over photos is convex in 1 / T, so it has one lowest place. Two
passes over the photos find it, each with TRIED temperatures side by side: from one end of the range
to the other, then between the neighbours of the best. The one that is taken was tried, so that its
figures are measured and nothing is interpolated.

Law: within 0.4 % of the temperature with the lowest log loss over these photos, if that is in the
range. (A thousand photos leave it uncertain by some percent.)

    coarse = first_temperatures()
    best = finer_temperatures(coarse, np.argmin(losses))
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.temperature import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE

TRIED = 33
"""Temperatures of a pass. It is odd, so that the first pass has 1 in its middle."""

BINS = 10
"""Bins of confidence for the calibration error, as in the Evaluator's default."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A temperature and what it is good for, over the photos that it was fitted on.

    Attributes:
        temperature: taken.
        photos: of val.
        image_size_px: side of the square that the network saw.
        log_loss: mean, of the scores as they are.
        calibrated_log_loss: mean, of the calibrated scores.
        calibration_error: expected, of the scores as they are, 0..1.
        calibrated_calibration_error: of the calibrated scores.
    """

    temperature: float
    photos: int
    image_size_px: int
    log_loss: float
    calibrated_log_loss: float
    calibration_error: float
    calibrated_calibration_error: float

    @property
    def at_limit(self) -> bool:
        """Whether a temperature out of the range might suit better."""
        return self.temperature in (LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE)

    def as_dict(self) -> dict[str, Any]:
        """Returns the attributes for JSON."""
        return asdict(self) | {"at_limit": self.at_limit}

    def words(self) -> str:
        """Returns the calibration as a line."""
        text = (
            f"calibration: temperature {self.temperature:.3g}; over {self.photos:,} val photos "
            f"log loss {self.log_loss:.4f} to {self.calibrated_log_loss:.4f}, calibration error "
            f"{self.calibration_error:.4f} to {self.calibrated_calibration_error:.4f}"
        )
        if self.at_limit:
            text += (
                f"; it is the end of the range ({LOWEST_TEMPERATURE:g} to "
                f"{HIGHEST_TEMPERATURE:g}): too few val photos, or none of them wrong?"
            )
        return text


def first_temperatures() -> Floats:
    """Returns float64 [TRIED]: the whole range, rising by equal shares, 1 in the middle."""
    return _between(LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE)


def finer_temperatures(tried: Floats, best: int) -> Floats:
    """Returns float64 [TRIED]: from the best one's lower neighbour to its upper, both included.

    Args:
        tried: float64 [TRIED], rising.
        best: place of the one with the lowest log loss.
    """
    return _between(tried[max(best - 1, 0)], tried[min(best + 1, len(tried) - 1)])


def calibration_error(photos: Floats, hits: Floats, confidence: Floats) -> Floats:
    """Returns float64 [...]: the expected calibration error, 0..1 (Guo et al., 2017).

    Args:
        photos: float64 [..., bins].
        hits: float64 [..., bins], photos whose best leaf was theirs.
        confidence: float64 [..., bins], sum of the best leaves' scores.
    """
    error: Floats = np.abs(hits - confidence).sum(axis=-1) / photos.sum(axis=-1)
    return error


def _between(low: float, high: float) -> Floats:
    # Rounded, for those who read a manifest: what is rounded is what is tried.
    return np.round(np.geomspace(low, high, TRIED), 4)
