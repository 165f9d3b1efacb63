"""What is drawn by lot: the beetle and its place (per observation), the shot (per photo).

Law: an observation's lot comes from (seed, observation id) and a photo's from (seed, photo id),
nothing else, so photos can be painted in any order, by any number of processes.

    meeting = draw_meeting(seed=0, observation_id=7)
    shot = draw_shot(seed=0, photo_id=9, size_px=(300, 2000), meeting=meeting)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

GROUNDS = ("leaf", "leaf", "leaf", "stem", "stem", "flower", "bark", "sand", "soil")
LIGHTS = ("sun", "sun", "overcast", "overcast", "flash")

_MEETING_STREAM, _SHOT_STREAM = 2, 3  # 0 and 1 belong to the taxonomy and the plan

# Most cameras and phones of the export give 500 to 800 px here; the tail is rare and dear.
_USUAL_LONG_EDGE_PX, _LONG_EDGE_SPREAD = 600.0, 0.33
_ASPECTS = (4 / 3, 4 / 3, 3 / 2, 3 / 2, 16 / 9, 1.0)
_ROTATED_SHARE = 0.07  # stored turned, upright only after its EXIF orientation
_UPRIGHT_TAG_SHARE = 0.3  # of the others: an EXIF block that says "as it is"
_LARGEST_TILT = math.radians(52)
_FILL = (0.35, 0.68)  # of the shorter side, taken by the beetle's length


@dataclass(frozen=True)
class Meeting:
    """One individual in one place: the same in all photos of an observation.

    Attributes:
        rng_key: seeds what is painted alike in all its photos (spots, leaf, veins).
        hue: shift of the ground colour, -1 (darker, redder) .. 1 (lighter, yellower).
        spot_scale: size of its spots against its species'.
        spot_jitter: how far its spots stray, in units of the wing disc.
        plumpness: breadth against its species'.
        ground: one of `GROUNDS`.
        light: one of `LIGHTS`.
        sun: unit vector to the light, world axes (z up).
        warmth: white balance, -1 blue .. 1 orange.
        heading_rad: direction it faces, anticlockwise from the world's x axis.
    """

    rng_key: tuple[int, int, int]
    hue: float
    spot_scale: float
    spot_jitter: float
    plumpness: float
    ground: str
    light: str
    sun: tuple[float, float, float]
    warmth: float
    heading_rad: float

    def rng(self, purpose: int) -> np.random.Generator:
        """Returns a fresh generator for one purpose, the same in every photo."""
        seq = np.random.SeedSequence([*self.rng_key, purpose])
        return np.random.Generator(np.random.PCG64(seq))


@dataclass(frozen=True)
class Shot:
    """One pressing of the shutter.

    Attributes:
        width_px, height_px: size of the upright photo.
        azimuth_rad, tilt_rad, roll_rad: where the camera stands; tilt 0 is straight from above.
        pitch_rad, lean_rad: how the beetle sits on uneven ground.
        fill: length of the beetle as a share of the photo's shorter side.
        offset: place of the beetle, in shorter sides from the middle: x, y.
        exposure: factor on the light.
        tint: white balance, a factor for each of R, G, B.
        contrast: slope of the tone curve at its middle.
        saturation: 0 grey, 1 as painted.
        defocus: standard deviation of the blur, as a share of the shorter side.
        motion: length of the smear, as a share of the shorter side; 0 for most.
        motion_angle_rad: its direction.
        depth_of_field: how fast the ground goes out of focus, 0..1.
        grain: standard deviation of the noise, in 0..255.
        blades: grass blades in front of the beetle.
        leaf_edge: whether a leaf covers a part of the frame.
        jpeg_quality: 55..95.
        orientation: EXIF tag, 1..8, or None for no EXIF block.
        seed: seeds the rest (where blades and grain fall).
    """

    width_px: int
    height_px: int
    azimuth_rad: float
    tilt_rad: float
    roll_rad: float
    pitch_rad: float
    lean_rad: float
    fill: float
    offset: tuple[float, float]
    exposure: float
    tint: tuple[float, float, float]
    contrast: float
    saturation: float
    defocus: float
    motion: float
    motion_angle_rad: float
    depth_of_field: float
    grain: float
    blades: int
    leaf_edge: bool
    jpeg_quality: int
    orientation: int | None
    seed: int


def draw_meeting(seed: int, observation_id: int) -> Meeting:
    """Returns the individual and the place of an observation."""
    key = (seed, _MEETING_STREAM, observation_id)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
    light = str(rng.choice(LIGHTS))
    height, around = rng.uniform(0.55, 0.95), rng.uniform(0, 2 * math.pi)
    flat = math.sqrt(1 - height * height)
    return Meeting(
        rng_key=key,
        hue=float(np.clip(rng.normal(0, 0.45), -1, 1)),
        spot_scale=float(np.clip(rng.normal(1.0, 0.10), 0.78, 1.25)),
        spot_jitter=float(rng.uniform(0.006, 0.022)),
        plumpness=float(rng.normal(1.0, 0.02)),
        ground=str(rng.choice(GROUNDS)),
        light=light,
        sun=(flat * math.cos(around), flat * math.sin(around), height),
        warmth=float(np.clip(rng.normal(0.15, 0.4), -1, 1)),
        heading_rad=float(rng.uniform(0, 2 * math.pi)),
    )


def _long_edge(rng: np.random.Generator, size_px: tuple[int, int]) -> int:
    """Returns the long edge in px, within `size_px`, about log-normal, one in 25 large."""
    smallest, largest = size_px
    if rng.random() < 0.04:
        return int(rng.integers(smallest + (largest - smallest) // 2, largest + 1))
    usual = min(max(_USUAL_LONG_EDGE_PX, smallest), (smallest + largest) / 2)
    return int(np.clip(usual * math.exp(rng.normal(0, _LONG_EDGE_SPREAD)), smallest, largest))


def _orientation(rng: np.random.Generator) -> int | None:
    if rng.random() < _ROTATED_SHARE:
        return int(rng.integers(2, 9))
    return 1 if rng.random() < _UPRIGHT_TAG_SHARE else None


def draw_shot(seed: int, photo_id: int, size_px: tuple[int, int], meeting: Meeting) -> Shot:
    """Returns the shot of a photo; `size_px` bounds its long edge."""
    key = (seed, _SHOT_STREAM, photo_id)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
    long_px = _long_edge(rng, size_px)
    short_px = round(long_px / float(rng.choice(_ASPECTS)))
    width, height = (long_px, short_px) if rng.random() < 0.65 else (short_px, long_px)
    # People look at a beetle with its head up or sideways rather than upside down.
    facing = rng.normal(math.pi / 2, 0.9)
    warmth = meeting.warmth + rng.normal(0, 0.12)
    green = rng.normal(1.0, 0.02)
    return Shot(
        width_px=width,
        height_px=height,
        azimuth_rad=float(facing - meeting.heading_rad),
        tilt_rad=float(_LARGEST_TILT * rng.beta(1.3, 1.7)),
        roll_rad=float(rng.normal(0, 0.1)),
        pitch_rad=float(rng.normal(0, 0.10)),
        lean_rad=float(rng.normal(0, 0.12)),
        fill=float(rng.uniform(*_FILL)),
        offset=(float(rng.normal(0, 0.055)), float(rng.normal(0, 0.055))),
        exposure=float(math.exp(rng.normal(0.08, 0.16))),
        tint=(1 + 0.10 * warmth, green, 1 - 0.12 * warmth),
        contrast=float(np.clip(rng.normal(1.03, 0.12), 0.75, 1.35)),
        saturation=float(np.clip(rng.normal(0.92, 0.12), 0.55, 1.25)),
        defocus=float(0.0011 * math.exp(rng.normal(0, 0.75))),
        motion=float(rng.uniform(0.006, 0.022)) if rng.random() < 0.12 else 0.0,
        motion_angle_rad=float(rng.uniform(0, math.pi)),
        depth_of_field=float(rng.uniform(0.3, 1.0)),
        grain=float(np.clip(2.2 * math.exp(rng.normal(0, 0.7)), 0.5, 14)),
        blades=int(rng.choice(4, p=(0.74, 0.15, 0.08, 0.03))),
        leaf_edge=bool(rng.random() < 0.12),
        jpeg_quality=int(rng.integers(55, 96)),
        orientation=_orientation(rng),
        seed=int(rng.integers(2**32)),
    )
