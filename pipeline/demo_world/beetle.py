"""A ladybird as a camera sees it: three domes, a pair of eyes, six legs, two antennae.

Each dome is met by the camera's rays (`geometry.cast`), takes its colour from its skin
(`texture.py`) and its light from `light.py`; the nearest dome wins. Painted larger than needed
and shrunk, which smooths every edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo_world.geometry import BODY_LENGTH, Ellipsoid, Hit, View, cast
from pipeline.demo_world.light import Light, shade
from pipeline.demo_world.marks import FieldMarks
from pipeline.demo_world.noise import tile
from pipeline.demo_world.pixels import scaled
from pipeline.demo_world.scene import Meeting
from pipeline.demo_world.texture import elytra_texture, head_texture, pronotum_texture

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

# Samples a pixel, each way: smooth edges for small beetles; a large one is softened by the lens
# anyway and costs with the square.
_OVERSAMPLING = (1.05, 2.0)
_WANTED_LENGTH_PX = 310.0
_SHIFT = 4
_LEGS, _PITS = 21, 22  # purposes of the meeting's generator
_LEG_RGB = (34, 24, 20)
_EYE_RGB = (10, 9, 9)


@dataclass(frozen=True)
class Layer:
    """A picture with holes: premultiplied uint8 RGB [h, w, 3], alpha uint8 [h, w], its corner."""

    rgb: U8
    alpha: U8
    left: int
    top: int


def body_shapes(width: float) -> tuple[Ellipsoid, Ellipsoid, Ellipsoid]:
    """Returns wings, pronotum and head of a beetle of this breadth (1 the usual)."""
    return (
        Ellipsoid((-0.12, 0.0, 0.0), (0.88, 0.80 * width, 0.60)),
        Ellipsoid((0.62, 0.0, 0.0), (0.34, 0.58 * width, 0.36)),
        Ellipsoid((0.92, 0.0, 0.0), (0.18, 0.29 * width, 0.20)),
    )


def _disc_lookup(hit: Hit, size_px: int) -> tuple[F32, F32]:
    """Returns where each point of a dome lies on its skin, x and y in texture px: float32 [h, w].

    The skin is stretched evenly from the dome's top (azimuthal equidistant):
    asin(r)/r = pi/2 at the rim, 1 at the top, fitted by 1 + r^2/6 + 0.404 r^6.
    """
    qx, qy, _ = hit.q
    r2 = np.minimum(qx * qx + qy * qy, 1)
    texels, middle = np.float32(size_px / math.pi), np.float32(size_px / 2 - 0.5)
    stretch = r2 * r2 * r2 * np.float32(0.404) + r2 * np.float32(1 / 6) + np.float32(1)
    x, y = middle + qy * stretch * texels, middle - qx * stretch * texels
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


class _Canvas:
    """The beetle being painted: colour, nearest depth, cover."""

    def __init__(self, view: View, width_px: int, height_px: int, light: Light) -> None:
        self.view, self.light = view, light
        self.rgb: F32 = np.zeros((height_px, width_px, 3), np.float32)
        self.alpha: U8 = np.zeros((height_px, width_px), np.uint8)
        self._depth: F32 = np.full((height_px, width_px), -np.inf, np.float32)

    def dome(self, shape: Ellipsoid, skin: U8, gloss: float) -> None:
        """Paints a dome where it is nearer than what is there."""
        height, width = self.alpha.shape
        hit = cast(shape, self.view, width, height)
        if hit is None:
            return
        rows = slice(hit.top, hit.top + hit.depth.shape[0])
        columns = slice(hit.left, hit.left + hit.depth.shape[1])
        nearer = hit.depth > self._depth[rows, columns]
        if not nearer.any():
            return
        x, y = _disc_lookup(hit, skin.shape[0])
        colour = cv2.remap(skin, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        factor, reflection = shade(hit, shape, self.view, self.light, gloss)
        mirrored = reflection * np.float32(255)
        lit = scaled(np.asarray(colour, np.uint8), factor)
        lit = cv2.add(lit, cv2.merge((mirrored, mirrored, mirrored)))
        cv2.copyTo(lit, nearer.view(np.uint8), self.rgb[rows, columns])
        np.copyto(self._depth[rows, columns], hit.depth, where=nearer)
        self.alpha[rows, columns][nearer] = 255

    def stroke(self, points: NDArray[np.float64], width: float, rgb: tuple[int, ...]) -> None:
        """Draws a line through body points [N, 3], `width` in units of half a body."""
        xy = np.round(self.view.project(points) * (1 << _SHIFT)).astype(np.int32)
        thickness = max(1, round(width * self.view.scale_px))
        cv2.polylines(self.alpha, [xy], False, 255, thickness, cv2.LINE_AA, _SHIFT)
        bright = [float(channel) for channel in rgb]
        cv2.polylines(self.rgb, [xy], False, bright, thickness + 2, cv2.LINE_8, _SHIFT)


def _limbs(canvas: _Canvas, meeting: Meeting, step: float, width: float) -> None:
    """Draws legs and antennae; `step` is the phase of the walk."""
    rng = meeting.rng(_LEGS)
    light = canvas.light
    bright = light.ambient * 0.8 + light.direct * 0.5
    leg = tuple(int(channel * bright) for channel in _LEG_RGB)
    shine = tuple(min(255, int(channel * bright * 2.4)) for channel in _LEG_RGB)
    for pair, (root_x, knee_x, foot_x) in enumerate(
        ((0.45, 0.66, 0.86), (0.10, 0.10, 0.00), (-0.25, -0.52, -0.78))
    ):
        for side in (1.0, -1.0):
            swing = 0.10 * math.sin(step + pair * 2.1 + (side > 0) * math.pi)
            reach = float(rng.uniform(0.92, 1.05)) * width
            knee = np.array([knee_x + swing * 0.6, side * 0.82 * reach, 0.14])
            foot = np.array([foot_x + swing, side * 0.98 * reach, -0.04])
            toe = foot + np.array([0.06 * (1 if pair == 0 else -1), side * 0.07, 0.0])
            line = np.stack([np.array([root_x, side * 0.4, 0.1]), knee, foot, toe])
            canvas.stroke(line[:2], 0.095, leg)
            canvas.stroke(line[1:3], 0.062, leg)
            canvas.stroke(line[2:], 0.042, leg)
            canvas.stroke(line[1:3] + np.array([0.012, 0.0, 0.02]), 0.016, shine)
    for side in (1.0, -1.0):
        bend = 0.06 * math.sin(step * 1.7 + side)
        line = np.array(
            [
                [1.02, side * 0.13, 0.08],
                [1.17, side * 0.25 + bend, 0.10],
                [1.27, side * 0.27 + bend, 0.08],
            ]
        )
        canvas.stroke(line, 0.022, leg)
        canvas.stroke(line[2:] + np.array([[-0.02, 0, 0], [0.02, 0, 0]]), 0.055, leg)


def _pitted(skin: U8, meeting: Meeting) -> U8:
    """Returns the wing with the fine pits and shades that real ones have."""
    size = skin.shape[0]
    left, top = meeting.rng(_PITS).integers(0, 512, 2).tolist()
    pits = tile(0.6)[top : top + size, left : left + size] * 0.030 + 1.0
    return np.asarray(cv2.convertScaleAbs(scaled(skin, pits)), dtype=np.uint8)


def _bounds(view: View, width_px: int, height_px: int) -> tuple[int, int, int, int] | None:
    """Returns left, top, right, bottom of the beetle with its limbs inside the photo, or None."""
    corners = np.array(
        [[x, y, z] for x in (-1.15, 1.36) for y in (-1.2, 1.2) for z in (-0.06, 0.64)]
    )
    seen = view.project(corners)
    left, top = np.maximum(np.floor(seen.min(axis=0)).astype(int) - 2, 0).tolist()
    right, bottom = np.ceil(seen.max(axis=0)).astype(int).tolist()
    right, bottom = min(right + 2, width_px), min(bottom + 2, height_px)
    return (left, top, right, bottom) if right > left and bottom > top else None


def paint_beetle(
    marks: FieldMarks,
    breadth: float,
    meeting: Meeting,
    view: View,
    light: Light,
    size_px: tuple[int, int],
    step: float,
) -> Layer | None:
    """Returns the beetle as a layer of a photo of `size_px` (w, h), None if it is not in it."""
    bounds = _bounds(view, *size_px)
    if bounds is None:
        return None
    left, top, right, bottom = bounds
    finer = float(np.clip(_WANTED_LENGTH_PX / (view.scale_px * BODY_LENGTH), *_OVERSAMPLING))
    width, height = math.ceil((right - left) * finer), math.ceil((bottom - top) * finer)
    patch = view.zoomed(finer, (left, top))
    breadth *= meeting.plumpness
    canvas = _Canvas(patch, width, height, light)
    _limbs(canvas, meeting, step, breadth)

    # About one texel a sample; the disc spans pi/2 times the dome's breadth.
    texture_px = int(np.clip(patch.scale_px * 2.2, 64, 512))
    wings, shield, head = body_shapes(breadth)
    canvas.dome(wings, _pitted(elytra_texture(marks, meeting, texture_px), meeting), 1.0)
    canvas.dome(head, head_texture(marks, max(texture_px // 4, 24)), 0.5)
    for side in (1.0, -1.0):
        eye = Ellipsoid((0.95, side * 0.215 * breadth, 0.05), (0.085, 0.075, 0.10))
        canvas.dome(eye, np.full((8, 8, 3), _EYE_RGB, np.uint8), 0.8)
    canvas.dome(shield, pronotum_texture(marks, meeting, max(texture_px // 2, 32)), 0.7)

    rgb = cv2.convertScaleAbs(canvas.rgb)
    rgb = cv2.multiply(rgb, cv2.merge((canvas.alpha,) * 3), scale=1 / 255)
    size = (right - left, bottom - top)
    return Layer(
        np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR), np.uint8),
        np.asarray(cv2.resize(canvas.alpha, size, interpolation=cv2.INTER_LINEAR), np.uint8),
        left,
        top,
    )
