"""What a camera does to a scene, in the order of its parts.

1. the lens blurs (focus, shake) and darkens the corners,
2. the sensor counts light, with white balance, and adds grain,
3. the software bends the tones, saturates and sharpens.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo_world.noise import GRAIN_DEVIATION, GRAIN_MEAN, GRAIN_PX, grain_tile
from pipeline.demo_world.pixels import scaled
from pipeline.demo_world.scene import Shot

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
_VIGNETTE = 0.16  # light lost in the very corner
_LEAST_BLUR_PX = 0.35  # below this a Gaussian changes nothing one can see


def _smear(picture: U8, length_px: float, angle_rad: float) -> U8:
    """Returns the picture moved along a line while the shutter was open."""
    half = max(1, round(length_px / 2))
    size = 2 * half + 1
    kernel = np.zeros((size, size), np.float32)
    x, y = half * math.cos(angle_rad), half * math.sin(angle_rad)
    ends = (round(half - x), round(half - y)), (round(half + x), round(half + y))
    cv2.line(kernel, *ends, 1.0, 1, cv2.LINE_8)
    return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def _vignette(height: int, width: int) -> F32:
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] ** 2
    return 1 - np.float32(_VIGNETTE / 2) * (x + y)


def lens(picture: F32, shot: Shot) -> U8:
    """Returns what falls on the sensor: uint8 [h, w, 3] of float32 [h, w, 3], 0..255."""
    height, width = picture.shape[:2]
    short = min(height, width)
    gain = _vignette(height, width) * np.float32(shot.exposure)
    seen = cv2.convertScaleAbs(scaled(picture, gain))
    blur_px = shot.defocus * short
    if blur_px > _LEAST_BLUR_PX:
        seen = cv2.GaussianBlur(seen, (0, 0), blur_px, borderType=cv2.BORDER_REPLICATE)
    if shot.motion:
        seen = _smear(seen, shot.motion * short, shot.motion_angle_rad)
    return seen


def _grain(shape: tuple[int, int], rng: np.random.Generator) -> U8:
    """Returns a piece of the noise tile: uint8 [h, w, 3]."""
    field = grain_tile()
    if max(shape) > GRAIN_PX:
        repeats = (-(-shape[0] // GRAIN_PX), -(-shape[1] // GRAIN_PX), 1)
        field = np.tile(field, repeats)
    top = int(rng.integers(0, field.shape[0] - shape[0] + 1))
    left = int(rng.integers(0, field.shape[1] - shape[1] + 1))
    return field[top : top + shape[0], left : left + shape[1]]


def _tone_tables(shot: Shot) -> U8:
    """Returns white balance and tone curve as one table for each channel: uint8 [1, 256, 3]."""
    value = np.linspace(0, 1, 256)
    tables = []
    for tint in shot.tint:
        x = np.clip(value * tint, 0, 1.3)
        # A line of slope `contrast` through middle grey, bent so that white arrives slowly.
        y = 0.46 + (x - 0.46) * shot.contrast
        y = np.where(y > 0.8, 0.8 + 0.2 * (1 - np.exp(-(y - 0.8) / 0.2)), y)
        tables.append(np.clip(y * 255, 0, 255))
    return np.round(np.stack(tables, axis=1)).astype(np.uint8)[None]


def develop(seen: U8, shot: Shot, rng: np.random.Generator) -> U8:
    """Returns the photo: uint8 [h, w, 3] RGB, of what fell on the sensor, already at full size."""
    toned = cv2.LUT(seen, _tone_tables(shot))
    if abs(shot.saturation - 1) > 0.04:
        grey = cv2.cvtColor(cv2.cvtColor(toned, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        toned = cv2.addWeighted(toned, shot.saturation, grey, 1 - shot.saturation, 0)
    strength = shot.grain / GRAIN_DEVIATION
    grain = _grain(seen.shape[:2], rng)
    noisy = cv2.addWeighted(toned, 1.0, grain, strength, -strength * GRAIN_MEAN)
    return np.asarray(noisy, dtype=np.uint8)
