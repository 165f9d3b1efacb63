"""What a model of any kind is to whoever asks it for scores."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt


class Network(Protocol):
    """Gives scores to photos.

    Attributes:
        image_size_px: S.
    """

    image_size_px: int

    def scores(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Returns float32 [B, N] for float32 [B, S, S, 3], RGB, 0..255."""
        ...
