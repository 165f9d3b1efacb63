"""All that is not the beetle: the surface, what lies far behind it, shadows, depth of field.

ground = paint_background(meeting, shot, view, light, (480, 640), breadth=1.0)
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo_world.beetle import body_shapes
from pipeline.demo_world.geometry import View
from pipeline.demo_world.ground import Ground
from pipeline.demo_world.light import Light
from pipeline.demo_world.noise import sample, tile
from pipeline.demo_world.pixels import blend, scaled
from pipeline.demo_world.scene import Meeting, Shot
from pipeline.demo_world.surfaces import SURFACES

F32 = NDArray[np.float32]

# The ground is painted smaller and enlarged: it is softer than the beetle in real photos too.
_SCALE = 0.62
_BACKDROP_PX = 48  # far things are out of focus: colours on a tiny canvas are enough
_SURFACE, _BACKDROP, _DAPPLE = 31, 32, 33  # purposes of the meeting's generator
_GREENS = (
    (70, 96, 44),
    (104, 128, 62),
    (44, 66, 34),
    (134, 146, 92),
    (92, 84, 56),
    (150, 168, 150),
)
_SHIFT = 4
_DAPPLED_SHARE = 0.22


def _backdrop(meeting: Meeting, shape: tuple[int, int], brightness: float) -> F32:
    """Returns blurred greens, browns and bright discs: float32 [h, w, 3], 0..255."""
    rng = meeting.rng(_BACKDROP)
    small = np.empty((_BACKDROP_PX, _BACKDROP_PX, 3), np.float32)
    small[:] = _GREENS[int(rng.integers(len(_GREENS)))]
    for _ in range(18):
        x, y = rng.integers(0, _BACKDROP_PX, 2).tolist()
        colour = np.array(_GREENS[int(rng.integers(len(_GREENS)))]) * rng.uniform(0.6, 1.35)
        cv2.circle(small, (x, y), int(rng.integers(2, 12)), colour.tolist(), cv2.FILLED)
    small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(1.2, 4.0)))
    return cv2.resize(
        small * np.float32(brightness), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR
    )


def _fill_soft(shape: tuple[int, int], points: NDArray[np.float64], blur_px: float) -> F32:
    """Returns the convex hull of points [N, 2] (px) with a soft edge: float32 [h, w], 0..1."""
    mask = np.zeros(shape, np.uint8)
    hull = cv2.convexHull(np.round(points * (1 << _SHIFT)).astype(np.int32))
    cv2.fillPoly(mask, [hull], 255, cv2.LINE_AA, _SHIFT)
    kernel = 2 * max(1, int(blur_px)) + 1
    soft = cv2.blur(cv2.blur(mask, (kernel, kernel)), (kernel, kernel))
    return soft * np.float32(1 / 255)


def shadow(view: View, light: Light, breadth: float, shape: tuple[int, int]) -> F32:
    """Returns how much light the ground keeps: float32 [h, w], 0..1."""
    wings = body_shapes(breadth)[0]
    toward = view.to_body(np.array(light.direction))
    angle = np.linspace(0, 2 * math.pi, 20, endpoint=False)
    rings = []
    for height in (0.0, 0.55, 0.85, 0.97):  # of the dome, as a share
        radius = math.sqrt(1 - height * height)
        x = wings.center[0] + 0.07 + radius * (wings.axes[0] + 0.07) * np.cos(angle)
        y = radius * wings.axes[1] * np.sin(angle)
        rings.append(np.stack([x, y, np.full_like(x, height * wings.axes[2])], axis=1))
    points = np.concatenate(rings)
    fall = (points[:, 2:] + 0.06) / max(float(toward[2]), 0.35)
    cast_px = view.project(points - fall * toward)
    kept = 1 - light.shadow * _fill_soft(shape, cast_px, light.softness * view.scale_px)
    contact_px = view.project(rings[0] * (1.03, 1.03, 1.0) - (0, 0, 0.06))
    return kept * (1 - 0.5 * _fill_soft(shape, contact_px, 0.09 * view.scale_px))


def _dapple(meeting: Meeting, ground: NDArray[np.float64], shape: tuple[int, int]) -> F32 | None:
    """Returns the light that leaves let through: float32 [h, w], or None in the open."""
    rng = meeting.rng(_DAPPLE)
    if meeting.light != "sun" or rng.random() > _DAPPLED_SHARE / 0.4:
        return None
    x, y = rng.uniform(0, 512, 2).tolist()
    field = sample(tile(2.2, 1), ground, shape, float(rng.uniform(14, 30)), (x, y))
    return np.clip(field * 1.6 + 1.0, 0.6, 1.0)


def _out_of_focus(picture: F32, view: View, shot: Shot, horizon_px: float) -> F32:
    """Returns the ground, softer the further it lies from the plane of focus."""
    height, width = picture.shape[:2]
    steep = math.sin(shot.tilt_rad)
    reach = (np.arange(height, dtype=np.float32) - horizon_px) / view.scale_px * steep
    share = np.clip((np.abs(reach) - 0.35) * shot.depth_of_field, 0, 1)
    base = 0.25 + 0.35 * shot.depth_of_field  # even under the beetle: it stands above the ground
    share = np.maximum(share, np.float32(base))[:, None]
    tiny = cv2.pyrDown(cv2.pyrDown(picture))
    tiny = cv2.GaussianBlur(tiny, (0, 0), max(0.7, 0.018 * view.scale_px))
    soft = cv2.resize(tiny, (width, height), interpolation=cv2.INTER_LINEAR)
    return blend(picture, soft, np.broadcast_to(share, (height, width)).copy())


def paint_background(
    meeting: Meeting, shot: Shot, view: View, light: Light, shape: tuple[int, int], breadth: float
) -> tuple[F32, F32 | None]:
    """Returns the scene without the beetle, and the dappled light that falls on both.

    Args:
        shape: h, w of the picture, px.
        breadth: of the beetle, for its shadow.

    Returns:
        float32 [h, w, 3], 0..255; float32 [h, w] or None.
    """
    small = (max(16, round(shape[0] * _SCALE)), max(16, round(shape[1] * _SCALE)))
    smaller = view.zoomed(small[0] / shape[0], (0.0, 0.0))
    ground_map = smaller.ground()
    ground = Ground(
        rng=meeting.rng(_SURFACE),
        map=ground_map,
        shape=small,
        heading_rad=meeting.heading_rad,
        backdrop=_backdrop(meeting, small, light.backdrop),
    )
    picture = np.asarray(SURFACES[meeting.ground](ground), dtype=np.float32)
    picture = _out_of_focus(picture, smaller, shot, smaller.center_px[1])
    bright = np.float32(light.ambient + light.direct * light.direction[2])
    picture = scaled(picture, shadow(smaller, light, breadth, small) * bright)
    full = cv2.resize(picture, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return full, _dapple(meeting, view.ground(), shape)
