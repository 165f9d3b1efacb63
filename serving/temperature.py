"""How sure a model says it is, put right by one number: the temperature fitted on val photos.

Scores are softmax(z / T) instead of softmax(z) (Guo et al., 2017). It is taken from the scores
themselves, since softmax(ln(p) / T) is the same: so it needs no logits, and a `.tflite` file, which
gives none, is calibrated as the SavedModel is.

Law: the order of the leaves stays as it is, ties included, for every float32 score; so does top-1.

    apply_temperature(np.array([0.6, 0.3, 0.1]), 0.5)      # 0.783, 0.196, 0.022: surer
    temperature_of(manifest, source="pushed/saved_model/1700000000")
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.errors import ConfigError

TEMPERATURE = "temperature"
"""Key of a model's manifest, and of a bundle's."""

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.2, 5.0
"""Range of temperatures. Below it, the smallest float32 scores would all become 0 and tie."""


def apply_temperature(
    scores: npt.NDArray[np.floating[Any]], temperature: float
) -> npt.NDArray[np.float64]:
    """Returns float64 [..., N]: calibrated scores, each row summing to 1.

    Not float32: rounding to it could make ties of scores that are none.

    Args:
        scores: float [..., N], 0..1, a row a photo, as a model gives them.
        temperature: above 1 makes the model less sure, below 1 surer.

    Raises:
        ConfigError: if the temperature is out of range.
    """
    _check(temperature)
    values = np.asarray(scores, np.float64)
    sharpened = (values / values.max(axis=-1, keepdims=True)) ** (1 / temperature)
    calibrated: npt.NDArray[np.float64] = sharpened / sharpened.sum(axis=-1, keepdims=True)
    return calibrated


def temperature_of(manifest: Mapping[str, Any], *, source: str) -> float:
    """Returns the temperature that a manifest holds.

    Args:
        manifest: of an exported model or a mobile bundle.
        source: where it is, for the message.

    Raises:
        ConfigError: if the model was not calibrated, or its temperature is out of range.
    """
    if manifest.get(TEMPERATURE) is None:
        raise ConfigError(
            f"{source} is not calibrated: its manifest has no {TEMPERATURE}, because the model was "
            "trained before there was one. Train it again, or ask for its scores as they are."
        )
    _check(manifest[TEMPERATURE], f"{source} has a {TEMPERATURE} that")
    return float(manifest[TEMPERATURE])


def _check(temperature: Any, what: str = "The temperature") -> None:
    if not (
        isinstance(temperature, (float, int, np.floating))
        and LOWEST_TEMPERATURE <= temperature <= HIGHEST_TEMPERATURE
    ):
        raise ConfigError(
            f"{what} is out of range. Allowed: {LOWEST_TEMPERATURE:g} to "
            f"{HIGHEST_TEMPERATURE:g}. Received: {temperature}."
        )
