"""What stands between camera and beetle: grass blades and the edge of a leaf, out of focus."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo_world.pixels import blend
from pipeline.demo_world.scene import Shot

F32 = NDArray[np.float32]
_SHIFT = 4
_GREENS = ((104, 138, 52), (136, 152, 70), (74, 106, 40), (168, 158, 96))


def _cover(
    picture: F32, points: NDArray[np.float64], colour: NDArray[np.float64], blur_px: float
) -> None:
    """Lays a soft polygon over the picture, in place."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    fixed = np.round(points * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, _SHIFT)
    kernel = 2 * max(1, int(blur_px)) + 1
    x, y, width, height = cv2.boundingRect(np.round(points).astype(np.int32))
    x0, y0 = max(x - 2 * kernel, 0), max(y - 2 * kernel, 0)
    box = (slice(y0, max(y + height + 2 * kernel, 0)), slice(x0, max(x + width + 2 * kernel, 0)))
    if mask[box].size == 0:
        return
    soft = cv2.blur(cv2.blur(mask[box], (kernel, kernel)), (kernel, kernel))
    share = soft * np.float32(1 / 255)
    picture[box] = blend(picture[box], colour.tolist(), share)


def _blade(rng: np.random.Generator, width_px: int, height_px: int) -> NDArray[np.float64]:
    """Returns a bent, tapering blade that crosses the frame from below: float64 [N, 2], px."""
    short = min(width_px, height_px)
    foot = np.array([rng.uniform(0.05, 0.95) * width_px, height_px * 1.05])
    lean, bend = rng.normal(0, 0.35), rng.normal(0, 0.3)
    length = height_px * rng.uniform(0.5, 1.3)
    half = short * rng.uniform(0.010, 0.030)
    along = np.linspace(0, 1, 12)
    x = foot[0] + length * (lean * along + bend * along**2)
    y = foot[1] - length * along * math.cos(lean)
    width = half * (1 - along**2) + 0.3
    return np.concatenate([np.stack([x + width, y], 1), np.stack([x - width, y], 1)[::-1]])


def _corner(rng: np.random.Generator, width_px: int, height_px: int) -> NDArray[np.float64]:
    """Returns a leaf's edge that cuts a corner off the frame: float64 [N, 2], px."""
    depth = rng.uniform(0.18, 0.38)
    along = np.linspace(-0.1, 1.0, 14)
    edge = depth * (1 - along**2) + 0.02 * np.sin(along * 9 + rng.uniform(0, 6))
    points = np.concatenate([np.stack([along * 0.8, edge], 1), [[-0.1, -0.1]]])
    if rng.random() < 0.5:
        points[:, 0] = 1 - points[:, 0]
    if rng.random() < 0.5:
        points[:, 1] = 1 - points[:, 1]
    return points * (width_px, height_px)


def add_occluders(picture: F32, shot: Shot, rng: np.random.Generator, brightness: float) -> None:
    """Lays blades and leaf edge over the picture (float32 [h, w, 3], 0..255), in place."""
    height, width = picture.shape[:2]
    short = min(width, height)
    for _ in range(shot.blades):
        green = (
            np.array(_GREENS[int(rng.integers(len(_GREENS)))]) * brightness * rng.uniform(0.7, 1.2)
        )
        _cover(picture, _blade(rng, width, height), green, short * rng.uniform(0.002, 0.012))
    if shot.leaf_edge:
        green = (
            np.array(_GREENS[int(rng.integers(len(_GREENS)))]) * brightness * rng.uniform(0.5, 1.0)
        )
        _cover(picture, _corner(rng, width, height), green, short * rng.uniform(0.006, 0.02))
