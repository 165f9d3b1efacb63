"""The plane a surface is painted on, in world units, seen through the camera.

ground.fill(mask, rotate(points, axis_rad), 255)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo_world.noise import sample

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Colour = tuple[float, float, float]
SHIFT = 4  # fractional bits of OpenCV's drawing coordinates


@dataclass(frozen=True)
class Ground:
    """Where a surface is painted.

    Attributes:
        rng: the meeting's generator for its surface.
        map: affine map of ground points to pixels, float64 [2, 3].
        shape: h, w in px.
        heading_rad: direction the beetle faces, world axes.
        backdrop: what lies behind the surface, float32 [h, w, 3].
    """

    rng: np.random.Generator
    map: NDArray[np.float64]
    shape: tuple[int, int]
    heading_rad: float
    backdrop: F32

    @property
    def unit_px(self) -> float:
        """Pixels a world unit, where the ground is not foreshortened."""
        return float(np.linalg.norm(self.map[:, :2], axis=0).max())

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        """Returns ground points [N, 2] in OpenCV's fixed-point pixels: int32 [N, 2]."""
        xy = points @ self.map[:, :2].T + self.map[:, 2]
        return np.round(np.clip(xy, -8000, 8000) * (1 << SHIFT)).astype(np.int32)

    def noise(
        self,
        field: F32,
        per_unit: tuple[float, float] | float,
        turn_rad: float = 0.0,
    ) -> F32:
        """Returns noise with `per_unit` tile pixels a world unit: float32 [h, w]."""
        x, y = self.rng.uniform(0, 512, 2).tolist()
        return sample(field, self.map, self.shape, per_unit, (x, y), turn_rad)

    def mask(self) -> U8:
        """Returns an empty mask: uint8 [h, w]."""
        return np.zeros(self.shape, np.uint8)

    def line(self, mask: U8, points: NDArray[np.float64], width: float, value: int) -> None:
        """Draws a line through ground points, `width` in world units."""
        thickness = max(1, round(width * self.unit_px))
        cv2.polylines(mask, [self.pixels(points)], False, value, thickness, cv2.LINE_AA, SHIFT)

    def fill(self, mask: U8, points: NDArray[np.float64], value: int) -> None:
        """Fills a polygon of ground points."""
        cv2.fillPoly(mask, [self.pixels(points)], value, cv2.LINE_AA, SHIFT)


def share_of(mask: U8) -> F32:
    """Returns a mask as shares: float32 [h, w], 0..1, of uint8 [h, w]."""
    return mask * np.float32(1 / 255)


def pick(
    rng: np.random.Generator, colours: tuple[Colour, ...], spread: float
) -> NDArray[np.float64]:
    """Returns one of the colours, a little changed: float64 [3]."""
    return np.clip(
        np.array(colours[int(rng.integers(len(colours)))]) + rng.normal(0, spread, 3), 0, 255
    )


def rotate(points: NDArray[np.float64], angle_rad: float) -> NDArray[np.float64]:
    """Returns points [N, 2] turned anticlockwise about the origin."""
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return points @ np.array([[cos, sin], [-sin, cos]])
