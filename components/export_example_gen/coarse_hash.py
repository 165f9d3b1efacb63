"""The perceptual hash of a photo that was decoded coarsely, at a sixth of the usual cost.

`schemas.photo_hash` scales a photo to 32 x 32 px by Lanczos' filter and takes its 8 x 8 lowest
cosine frequencies. Both steps are linear, and so is each of them along one side of the photo: for a
grey photo P of h x w pixels the frequencies are A(h) P A(w)', with A(n) an 8 x n matrix that
depends on nothing but n. Photos come in few sizes, so the matrices are there already.

    coarse_hash(image)      # perceptual_hash(image), give or take the rounding of pixels in between

Most photos have the very hash of `perceptual_hash`; where a frequency lies at the median two bits
may differ, as they do between two encodings of one photo.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

_SIDE_PX = 32
_FREQUENCIES = 8
_LANCZOS_LOBES = 3

_DECIMALS_KEPT = 6
"""Frequencies that are zero come out as some 1e-10, of either sign."""

Matrix = npt.NDArray[np.float64]


def coarse_hash(grey: Image.Image) -> int:
    """Returns the 64-bit perceptual hash of an upright photo, most significant bit first.

    Args:
        grey: of mode L, of any size; meant for a few hundred pixels a side at most.
    """
    pixels = np.frombuffer(grey.tobytes(), np.uint8).reshape(grey.height, grey.width)
    frequencies = _to_frequencies(grey.height) @ pixels.astype(np.float64)
    frequencies = (frequencies @ _to_frequencies(grey.width).T).round(_DECIMALS_KEPT).ravel()
    low, high = np.partition(frequencies, (31, 32))[31:33]
    return int.from_bytes(np.packbits(frequencies > (low + high) / 2).tobytes(), "big")


@lru_cache(maxsize=512)
def _to_frequencies(side_px: int) -> Matrix:
    """Returns A(n), float64 [8, n]: scale n pixels to 32, then take the lowest frequencies."""
    times = np.arange(_FREQUENCIES)[:, None] * (2 * np.arange(_SIDE_PX) + 1)
    cosines = 2 * np.cos(np.pi * times / (2 * _SIDE_PX))
    return np.ascontiguousarray(cosines @ _lanczos(side_px))


def _lanczos(side_px: int) -> Matrix:
    """Returns float64 [32, n], the weights that Pillow's resize gives each of n pixels."""
    scale = side_px / _SIDE_PX
    stretch = max(scale, 1.0)
    centres = (np.arange(_SIDE_PX)[:, None] + 0.5) * scale
    distances = (np.arange(side_px) + 0.5 - centres) / stretch
    window = np.where(np.abs(distances) < _LANCZOS_LOBES, np.sinc(distances / _LANCZOS_LOBES), 0)
    weights = np.sinc(distances) * window
    return weights / weights.sum(axis=1, keepdims=True)
