"""Where things lie: the camera's view of the world, and rays that meet ellipsoids.

Axes. World and body: z up, the beetle's head to +x, half a body length the unit. Camera: x right,
y up, z towards the camera; the projection is orthographic, as a long macro lens comes near to.

Formula: a ray q0 + t d, scaled so that the ellipsoid is the unit sphere, meets it where
|q0 + t d| = 1; the larger root t is the side that faces the camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo_world.scene import Meeting, Shot

F32 = NDArray[np.float32]
BODY_LENGTH = 2.1  # tail to head, in units of half a body


def _turn(axis: int, angle_rad: float) -> NDArray[np.float64]:
    """Returns the rotation about an axis (0 x, 1 y, 2 z): float64 [3, 3]."""
    one, two = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    matrix[one, one], matrix[one, two] = cos, -sin
    matrix[two, one], matrix[two, two] = sin, cos
    return matrix


@dataclass(frozen=True)
class View:
    """A camera that looks at the beetle.

    Attributes:
        body: rotation from body to camera axes, float64 [3, 3].
        world: rotation from world to camera axes, float64 [3, 3].
        scale_px: pixels a unit.
        center_px: where the point under the beetle falls, x, y.
    """

    body: NDArray[np.float64]
    world: NDArray[np.float64]
    scale_px: float
    center_px: tuple[float, float]

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns where body points [N, 3] fall in the picture: float64 [N, 2], x y in px."""
        seen = points @ self.body.T
        return seen[:, :2] * (self.scale_px, -self.scale_px) + self.center_px

    def ground(self) -> NDArray[np.float64]:
        """Returns the affine map of ground points (world x, y) to pixels: float64 [2, 3]."""
        linear = self.world[:2, :2] * np.array([[self.scale_px], [-self.scale_px]])
        return np.hstack([linear, np.array(self.center_px)[:, None]])

    def to_body(self, world_direction: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns a world direction [3] in body axes: float64 [3]."""
        return self.body.T @ (self.world @ world_direction)

    def zoomed(self, factor: float, origin_px: tuple[float, float]) -> View:
        """Returns the view of a patch whose corner is `origin_px`, `factor` times as large."""
        x, y = self.center_px
        center = ((x - origin_px[0]) * factor, (y - origin_px[1]) * factor)
        return View(self.body, self.world, self.scale_px * factor, center)


def view_of(meeting: Meeting, shot: Shot, width_px: int, height_px: int) -> View:
    """Returns the view of a shot painted at `width_px` x `height_px`."""
    short = min(width_px, height_px)
    world = _turn(2, shot.roll_rad) @ _turn(0, -shot.tilt_rad) @ _turn(2, shot.azimuth_rad)
    body = (
        world @ _turn(2, meeting.heading_rad) @ _turn(1, shot.pitch_rad) @ _turn(0, shot.lean_rad)
    )
    center = (width_px / 2 + shot.offset[0] * short, height_px / 2 + shot.offset[1] * short)
    return View(body, world, shot.fill * short / BODY_LENGTH, center)


@dataclass(frozen=True)
class Ellipsoid:
    """The upper half of an ellipsoid in body axes: centre on the ground plane, three half axes."""

    center: tuple[float, float, float]
    axes: tuple[float, float, float]

    def bounds_px(self, view: View) -> tuple[float, float, float, float]:
        """Returns left, top, right, bottom of its picture in px."""
        middle = view.project(np.array([self.center]))[0]
        # Half extent of a rotated ellipsoid along each camera axis.
        half = np.sqrt(((view.body * np.array(self.axes)) ** 2).sum(axis=1))[:2] * view.scale_px
        return (*(middle - half).tolist(), *(middle + half).tolist())


@dataclass(frozen=True)
class Hit:
    """Where the rays of a patch meet an ellipsoid.

    Attributes:
        q: the points on the unit sphere, x y z, float32 [h, w] each.
        depth: distance towards the camera, float32 [h, w], -inf where nothing is met.
        left, top: corner of the patch in the picture.
    """

    q: tuple[F32, F32, F32]
    depth: F32
    left: int
    top: int


def cast(shape: Ellipsoid, view: View, width_px: int, height_px: int) -> Hit | None:
    """Returns where the pixels of a picture meet the upper half of an ellipsoid, or None."""
    left, top, right, bottom = shape.bounds_px(view)
    x0, y0 = max(int(left) - 1, 0), max(int(top) - 1, 0)
    x1, y1 = min(int(right) + 2, width_px), min(int(bottom) + 2, height_px)
    if x0 >= x1 or y0 >= y1:
        return None
    inverse = 1.0 / np.array(shape.axes)
    to_body = view.body.T * inverse[:, None]  # camera axes -> unit sphere
    direction = to_body[:, 2]
    xs = ((np.arange(x0, x1) + 0.5 - view.center_px[0]) / view.scale_px).astype(np.float32)
    ys = ((view.center_px[1] - np.arange(y0, y1) - 0.5) / view.scale_px).astype(np.float32)
    offset = -np.array(shape.center) * inverse
    q0 = [
        (to_body[i, 0] * xs + offset[i]).astype(np.float32)[None, :]
        + (to_body[i, 1] * ys).astype(np.float32)[:, None]
        for i in range(3)
    ]
    d = [np.float32(value) for value in direction]
    a = np.float32(direction @ direction)
    b = q0[0] * d[0] + q0[1] * d[1] + q0[2] * d[2]
    c = q0[0] * q0[0] + q0[1] * q0[1] + q0[2] * q0[2] - np.float32(1.0)
    root = b * b - a * c
    met = root > 0
    t = (np.sqrt(np.maximum(root, 0)) - b) / a
    q = (q0[0] + t * d[0], q0[1] + t * d[1], q0[2] + t * d[2])
    met &= q[2] > -0.02
    depth = np.where(met, t, np.float32(-np.inf))
    return Hit(q, depth, x0, y0)


def normal_dots(hit: Hit, shape: Ellipsoid, directions: list[NDArray[np.float64]]) -> list[F32]:
    """Returns the surface normal times each body direction: float32 [h, w], -1..1."""
    inverse = (1.0 / np.array(shape.axes)).astype(np.float32)
    n = [hit.q[i] * inverse[i] for i in range(3)]
    length = np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
    np.maximum(length, np.float32(1e-6), out=length)
    dots = []
    for direction in directions:
        x, y, z = (np.float32(value) for value in direction)
        dots.append((n[0] * x + n[1] * y + n[2] * z) / length)
    return dots
