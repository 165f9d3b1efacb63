"""Arithmetic on pictures that OpenCV does faster than NumPy's broadcasting over 3 channels.

A plane is float32 [h, w], a picture float32 or uint8 [h, w, 3]; results are float32 [h, w, 3]
unless said otherwise. NumPy's `picture * plane[..., None]` runs an inner loop of length 3, six
to ten times slower than these.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Colour = Sequence[float] | NDArray[np.floating]  # 3 values, 0..255
U8 = NDArray[np.uint8]


def scaled(picture: F32 | U8, plane: F32) -> F32:
    """Returns the picture with each pixel times its value in the plane."""
    spread = cv2.merge((plane, plane, plane))
    return np.asarray(cv2.multiply(picture, spread, dtype=cv2.CV_32F), dtype=np.float32)


def coloured(plane: F32, colour: Colour) -> F32:
    """Returns the colour, in each pixel times its value in the plane."""
    return np.asarray(cv2.merge([plane * np.float32(c) for c in colour]), dtype=np.float32)


def plain(shape: tuple[int, int], colour: Colour) -> F32:
    """Returns a picture of one colour."""
    picture = np.empty((*shape, 3), np.float32)
    bright = [float(channel) for channel in colour]
    cv2.rectangle(picture, (0, 0), (shape[1], shape[0]), bright, cv2.FILLED)
    return picture


def blend(one: F32, two: F32 | Colour, share: F32) -> F32:
    """Returns `one` where share is 0 and `two` (a picture or a colour) where it is 1."""
    if not (isinstance(two, np.ndarray) and two.ndim == 3):
        two = plain(share.shape, two)
    return np.asarray(cv2.blendLinear(one, two, 1 - share, share), dtype=np.float32)
