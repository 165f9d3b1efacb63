"""The light of a shot, and what it does to a surface.

Formula: Lambert's cosine for the direct light, a hemisphere for the sky's, Blinn's half vector
for the highlight (as an exponential, which is cheaper than a power and looks the same), Schlick's
Fresnel term for the sheen at grazing angles. All in display values: the pictures are to be
looked at, not measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo_world.geometry import Ellipsoid, Hit, View, normal_dots
from pipeline.demo_world.scene import Meeting

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Light:
    """How a scene is lit.

    Attributes:
        direction: unit vector to the light, world axes.
        direct: strength of the direct light.
        ambient: strength of the sky's.
        highlight: strength of the mirrored light.
        sharpness: how small the highlight is.
        window: strength of a broad reflection of bright sky.
        sheen: strength at grazing angles.
        shadow: darkness of the cast shadow, 0..1.
        softness: blur of its edge, in units of half a body.
        backdrop: brightness of what lies far behind.
    """

    direction: tuple[float, float, float]
    direct: float
    ambient: float
    highlight: float
    sharpness: float
    window: float
    sheen: float
    shadow: float
    softness: float
    backdrop: float


def light_of(meeting: Meeting, view: View) -> Light:
    """Returns the light of the meeting; a flash sits on the camera and moves with it."""
    if meeting.light == "sun":
        return Light(meeting.sun, 0.66, 0.46, 0.95, 150.0, 0.05, 0.16, 0.62, 0.05, 0.9)
    if meeting.light == "overcast":
        return Light(meeting.sun, 0.22, 0.80, 0.22, 26.0, 0.26, 0.28, 0.42, 0.22, 1.0)
    assert meeting.light == "flash", meeting.light
    near_lens = view.world.T @ np.array([0.16, 0.34, 0.93])
    near_lens /= np.linalg.norm(near_lens)
    x, y, z = near_lens.tolist()
    return Light((x, y, max(z, 0.3)), 0.72, 0.42, 1.1, 260.0, 0.0, 0.06, 0.55, 0.09, 0.42)


def shade(
    hit: Hit, shape: Ellipsoid, view: View, light: Light, gloss: float = 1.0
) -> tuple[F32, F32]:
    """Returns the factor on the surface's colour and the reflection to add: float32 [h, w] each.

    Args:
        gloss: how polished the surface is, 0 dull .. 1 lacquer.
    """
    to_eye = view.body[2]
    to_light = view.to_body(np.array(light.direction))
    to_light = to_light / np.linalg.norm(to_light)
    half = to_eye + to_light
    half = half / np.linalg.norm(half)
    up = view.to_body(np.array([0.0, 0.0, 1.0]))
    facing, lit, mirrored, upward = normal_dots(hit, shape, [to_eye, to_light, half, up])
    factor = np.maximum(lit, 0) * np.float32(light.direct)
    factor += (upward * np.float32(0.36) + np.float32(0.64)) * np.float32(light.ambient)
    factor *= facing * np.float32(0.22) + np.float32(0.80)
    reflection = np.exp((mirrored - 1) * np.float32(light.sharpness)) * np.float32(light.highlight)
    grazing = np.maximum(1 - facing, 0)
    reflection += grazing * grazing * grazing * np.float32(light.sheen)
    if light.window:
        toward_sky = 2 * facing * upward - np.float32(to_eye @ up)
        window = np.clip((toward_sky - np.float32(0.86)) * np.float32(9.0), 0, 1)
        reflection += window * np.float32(light.window)
    return factor, reflection * np.float32(gloss)
