"""The skin of a beetle: flat pictures that `beetle.py` bends over its body.

Each is uint8 [T, T, 3] RGB on the unit disc: column 0 is the left rim (v = -1), row 0 the front
(u = +1). Drawn with sub-pixel anti-aliased polygons; an individual's spots differ a little in
place, size and outline.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo_world.marks import (
    ELYTRA_RGB,
    SPOT_RGB,
    FieldMarks,
    Pronotum,
    Shape,
    Suture,
    spot_centers,
    spot_radius,
)
from pipeline.demo_world.scene import Meeting

U8 = NDArray[np.uint8]
Points = NDArray[np.float64]
_SHIFT = 4  # fractional bits of OpenCV's drawing coordinates
_PALE = (240, 228, 200)
_DARK = (22, 18, 17)
_SPOTS = 11  # purpose of the meeting's generator


class Disc:
    """A canvas addressed in (u, v)."""

    def __init__(self, size_px: int, rgb: tuple[int, int, int]) -> None:
        self.image: U8 = np.empty((size_px, size_px, 3), np.uint8)
        cv2.rectangle(self.image, (0, 0), (size_px, size_px), rgb, cv2.FILLED)
        self._size_px = size_px

    def polygon(self, points_uv: Points, rgb: tuple[int, int, int]) -> None:
        """Fills a polygon, points [N, 2] as u, v."""
        xy = np.stack([points_uv[:, 1] + 1.0, 1.0 - points_uv[:, 0]], axis=1)
        fixed = np.round(xy * (self._size_px / 2) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(self.image, [fixed], rgb, cv2.LINE_AA, _SHIFT)

    def both(self, points_uv: Points, rgb: tuple[int, int, int]) -> None:
        """Fills a polygon and its mirror on the other side of the body."""
        self.polygon(points_uv, rgb)
        self.polygon(points_uv * (1.0, -1.0), rgb)


def _blob(center: Points, radii: tuple[float, float], turn_rad: float, wobble: Points) -> Points:
    """Returns an uneven ellipse: float64 [24, 2]; `wobble` [3] are strengths of harmonics 2..4."""
    angle = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    radius = 1.0 + sum(w * np.cos((k + 2) * angle + 7 * w) for k, w in enumerate(wobble))
    x, y = radii[0] * radius * np.cos(angle), radii[1] * radius * np.sin(angle)
    cos, sin = math.cos(turn_rad), math.sin(turn_rad)
    return np.stack([center[0] + cos * x - sin * y, center[1] + sin * x + cos * y], axis=1)


def _comma(center: Points, radius: float, wobble: Points) -> Points:
    """Returns a head with a tail that bends back and out: float64 [N, 2]."""
    along = np.linspace(0, 1, 9)
    width = radius * np.array([0.5, 0.85, 0.95, 0.85, 0.65, 0.5, 0.36, 0.22, 0.06])
    width = width * (1 + 0.5 * wobble[0])
    u = center[0] + radius * (1.0 - 3.1 * along)
    v = center[1] + radius * (1.5 * along**2 - 0.2)
    return np.concatenate([np.stack([u, v + width], 1), np.stack([u, v - width], 1)[::-1]])


def ground_colour(marks: FieldMarks, meeting: Meeting) -> tuple[int, int, int]:
    """Returns the individual's own shade of its species' ground colour."""
    rgb = np.array(ELYTRA_RGB[marks.elytra], dtype=np.float64)
    rgb = rgb * (1 + 0.14 * meeting.hue) + np.array([0.0, 20.0, 4.0]) * meeting.hue
    red, green, blue = np.clip(rgb, 8, 255).astype(int).tolist()
    return red, green, blue


def _mix(
    one: tuple[int, int, int], two: tuple[int, int, int], share: float
) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, two, strict=True))
    return red, green, blue


def _paint_spots(disc: Disc, marks: FieldMarks, meeting: Meeting) -> None:
    rng = meeting.rng(_SPOTS)
    ink = SPOT_RGB[marks.spots]
    ground = ground_colour(marks, meeting)
    usual = spot_radius(marks) * meeting.spot_scale
    centers = spot_centers(marks.rows, marks.scutellar)
    for number, place in enumerate(centers):
        scutellar = marks.scutellar and number == len(centers) - 1
        wobble = rng.normal(0, 0.05, 3)
        radius = usual * float(rng.normal(1.0, 0.06))
        if scutellar:
            disc.polygon(_blob(place, (radius * 1.15, radius * 0.9), 0.0, wobble), ink)
            continue
        for side in (1.0, -1.0):  # each wing strays by itself
            center = (place + rng.normal(0, meeting.spot_jitter, 2)) * (1.0, side)
            mirrored = np.array([1.0, side])
            if marks.shape is Shape.COMMA:
                points = _comma(center * mirrored, radius * 0.95, wobble) * mirrored
                disc.polygon(points, ink)
                continue
            if marks.shape is Shape.RING:
                halo = _mix(ground, _PALE, 0.8)
                disc.polygon(_blob(center, (radius * 1.55, radius * 1.55), 0.0, wobble), halo)
            # In front the disc narrows: spots there are a little wider than long.
            disc.polygon(_blob(center, (radius, radius * 1.06), 0.0, wobble), ink)


def _paint_bands(disc: Disc, marks: FieldMarks, meeting: Meeting) -> None:
    """Draws each row as one band across the wing."""
    rng = meeting.rng(_SPOTS)
    ink = SPOT_RGB[marks.spots]
    half = spot_radius(marks) * meeting.spot_scale * 0.8
    for number, count in enumerate(marks.rows):
        before = sum(marks.rows[:number])
        u = float(spot_centers(marks.rows, False)[before : before + count, 0].mean())
        reach = 0.80 * math.sqrt(1 - u * u)
        v = np.linspace(0.06, reach, 9)
        drift = float(rng.normal(0, meeting.spot_jitter))
        wave = u + drift + 0.3 * half * np.sin(v * 7 + number * 2.1)
        width = half * np.array([0.35, 0.8, 1, 1, 0.85, 0.9, 1, 0.8, 0.3])
        edge = np.concatenate(
            [np.stack([wave + width, v], 1), np.stack([wave - width, v], 1)[::-1]]
        )
        disc.both(edge, ink)


def elytra_texture(marks: FieldMarks, meeting: Meeting, size_px: int) -> U8:
    """Returns the wings: uint8 [size_px, size_px, 3]."""
    ground = ground_colour(marks, meeting)
    disc = Disc(size_px, ground)
    if marks.shape is Shape.BAND:
        _paint_bands(disc, marks, meeting)
    else:
        _paint_spots(disc, marks, meeting)
    half = 0.045 if marks.suture is Suture.DARK else 0.006
    line = np.array([[1, -half], [1, half], [-1, half * 0.7], [-1, -half * 0.7]])
    disc.polygon(line, SPOT_RGB[marks.spots] if marks.suture is Suture.DARK else _DARK)
    return disc.image


_CORNER = np.array([[1.0, 0.30], [0.62, 0.36], [0.22, 0.60], [-0.05, 1.0], [1.0, 1.0]])
_M_LEG = np.array([[0.42, 0.20], [0.5, 0.46], [-0.55, 0.66], [-0.7, 0.42], [0.0, 0.30]])


def pronotum_texture(marks: FieldMarks, meeting: Meeting, size_px: int) -> U8:
    """Returns the shield behind the head: uint8 [size_px, size_px, 3]."""
    # A tan beetle's shield is tan too, no ivory.
    pale = _PALE if marks.elytra != "tan" else _mix(ground_colour(marks, meeting), _PALE, 0.55)
    kind = marks.pronotum
    disc = Disc(
        size_px, _DARK if kind in (Pronotum.CORNERS, Pronotum.STRIPE, Pronotum.PLAIN) else pale
    )
    wobble = meeting.rng(_SPOTS + 1).normal(0, 0.04, 3)
    at = np.array
    if kind is Pronotum.CORNERS:
        disc.both(_CORNER, pale)
    elif kind is Pronotum.M_MARK:
        disc.both(_M_LEG, _DARK)
        disc.polygon(
            at(
                [[0.45, -0.22], [0.1, 0.0], [0.45, 0.22], [0.05, 0.32], [-0.45, 0.0], [0.05, -0.32]]
            ),
            _DARK,
        )
    elif kind is Pronotum.DOTS:
        disc.both(_blob(at([0.25, 0.34]), (0.17, 0.13), 0.0, wobble), _DARK)
        disc.both(_blob(at([-0.25, 0.62]), (0.17, 0.13), 0.0, wobble), _DARK)
        disc.polygon(_blob(at([-0.32, 0.0]), (0.17, 0.15), 0.0, wobble), _DARK)
    elif kind is Pronotum.STRIPE:
        disc.both(at([[1.0, 0.68], [1.0, 1.0], [-1.0, 1.0], [-1.0, 0.80], [0.0, 0.76]]), pale)
        disc.polygon(at([[1.0, -0.08], [1.0, 0.08], [-1.0, 0.05], [-1.0, -0.05]]), pale)
        disc.polygon(at([[1.0, -1.0], [1.0, 1.0], [0.62, 0.6], [0.62, -0.6]]), pale)
    elif kind is Pronotum.DISC:
        disc.polygon(_blob(at([-0.25, 0.0]), (0.62, 0.60), 0.0, wobble), _DARK)
    return disc.image


def head_texture(marks: FieldMarks, size_px: int) -> U8:
    """Returns the head: uint8 [size_px, size_px, 3]."""
    disc = Disc(size_px, _DARK)
    if marks.pronotum is not Pronotum.PLAIN:
        mark = _blob(np.array([0.25, 0.42]), (0.2, 0.16), 0.3, np.zeros(3))
        disc.both(mark, _PALE)
    return disc.image
