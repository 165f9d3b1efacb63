"""What a ladybird sits on: leaf, stem, flower, bark, sand, soil.

Every surface is painted in world units through the camera's ground map, so that all photos of an
observation show the same leaf from another side. Each painter takes a `Ground` and returns
float32 [h, w, 3], 0..255, lit evenly; shadows and blur come later.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo_world.ground import F32, SHIFT, U8, Ground, pick, rotate, share_of
from pipeline.demo_world.noise import ridges, tile
from pipeline.demo_world.pixels import blend, coloured


def _veins(ground: Ground, axis_rad: float, aside: float, half_width: float) -> U8:
    """Draws a midrib and its side veins: uint8 mask."""
    rng, mask = ground.rng, ground.mask()
    slant, spacing = rng.uniform(0.5, 1.0), rng.uniform(0.5, 0.9)
    along = np.linspace(0, half_width, 8)
    for start in np.arange(-7, 7, spacing):
        for side in (1.0, -1.0):
            drift = rng.normal(0, 0.08)
            curve = start + drift + along * slant + 0.10 * along**2
            vein = np.stack([curve, aside + side * along], axis=1)
            ground.line(mask, rotate(vein, axis_rad), 0.028, 150)
    rib = np.array([[-9.0, aside], [9.0, aside]])
    ground.line(mask, rotate(rib, axis_rad), 0.11, 255)
    return mask


def leaf(ground: Ground) -> F32:
    """A leaf with midrib, side veins, a net of fine veins, blotches, maybe its edge in sight."""
    rng = ground.rng
    base = pick(
        rng, ((92, 138, 48), (70, 118, 40), (122, 160, 62), (58, 104, 52), (138, 150, 60)), 9
    )
    axis, aside = ground.heading_rad + rng.normal(0, 0.9), rng.uniform(-0.9, 0.9)
    half_width = float(rng.choice((1.5, 2.2, 3.0, 6.0)))
    blotches = ground.noise(tile(1.6), 34.0)
    fine = ground.noise(ridges(1.3), 60.0)
    light = 1.0 + 0.09 * blotches - 0.12 * fine
    surface = coloured(light, base)
    veins = share_of(_veins(ground, axis, aside, half_width))
    pale = np.minimum(base * 1.25 + (34, 30, 22), 255)
    surface = blend(surface, pale.tolist(), veins * np.float32(rng.uniform(0.45, 0.85)))
    if rng.random() < 0.3:  # rust, or where something has eaten
        rust = np.clip(ground.noise(tile(1.4, 1), 60.0) * 2 - 3.2, 0, 1)
        surface = blend(surface, (112, 84, 40), rust)
    if half_width > 5:
        return surface
    bow = np.linspace(-1, 1, 24)
    rim = half_width * (1 - np.abs(bow) ** 2.4) ** 0.8
    edge = np.concatenate(
        [np.stack([bow * 6, aside + rim], 1), np.stack([bow * 6, aside - rim], 1)[::-1]]
    )
    mask = ground.mask()
    ground.fill(mask, rotate(edge, axis), 255)
    return blend(ground.backdrop, surface, share_of(mask))


def stem(ground: Ground) -> F32:
    """A stem or a grass stalk under the beetle, with a few others out of focus behind."""
    rng = ground.rng
    colour = pick(rng, ((112, 146, 58), (146, 150, 74), (150, 128, 70), (88, 120, 48)), 8)
    axis, half = ground.heading_rad + rng.normal(0, 0.12), rng.uniform(0.38, 0.8)
    picture = ground.backdrop
    for _ in range(int(rng.integers(2, 5))):
        aside, lean = rng.uniform(-4, 4), rng.normal(0, 0.5)
        mask = ground.mask()
        ground.line(mask, rotate(np.array([[-9.0, aside], [9.0, aside]]), axis + lean), 0.35, 255)
        soft = cv2.blur(mask, (2 * int(0.12 * ground.unit_px) + 1,) * 2)
        picture = blend(picture, tuple(colour * rng.uniform(0.55, 0.95)), share_of(soft) * 0.8)
    streaks = ground.noise(tile(1.0), (6.0, 90.0), axis)
    surface = coloured(1.0 + 0.10 * streaks, colour)
    # Nested strips, brighter to the middle, make it round.
    for share, bright in ((1.0, 0.55), (0.86, 0.75), (0.66, 0.92), (0.42, 1.06), (0.18, 1.16)):
        mask = ground.mask()
        strip = np.array([[-9, -half], [9, -half], [9, half], [-9, half]]) * (1.0, share)
        lit_side = np.array([0.0, 0.08 * half * (1 - share)])
        ground.fill(mask, rotate(strip + lit_side, axis), 255)
        picture = blend(picture, surface * np.float32(bright), share_of(mask))
    return picture


def flower(ground: Ground) -> F32:
    """Petals round a yellow disc, somewhere under or beside the beetle."""
    rng = ground.rng
    petals = pick(
        rng, ((240, 238, 232), (244, 206, 60), (214, 130, 178), (150, 110, 190), (236, 150, 60)), 7
    )
    middle = rng.normal(0, 1.1, 2)
    count, length = int(rng.integers(8, 22)), rng.uniform(3.0, 4.6)
    half = math.pi * length / count * rng.uniform(0.5, 0.75)
    along = np.linspace(0, 1, 10)
    width = half * np.sin(np.pi * np.clip(along, 0.02, 0.97) ** 0.75) ** 0.7
    outline = np.concatenate(
        [np.stack([along * length, width], 1), np.stack([along * length, -width], 1)[::-1]]
    )
    picture = ground.backdrop
    canvas = np.asarray(cv2.convertScaleAbs(picture), np.uint8)
    for petal in range(count):
        turn = 2 * math.pi * petal / count + rng.normal(0, 0.06)
        colour = np.clip(petals * rng.uniform(0.80, 1.0), 0, 255)
        shape = ground.pixels(rotate(outline, turn) + middle)
        cv2.fillPoly(canvas, [shape], colour.tolist(), cv2.LINE_AA, SHIFT)
        cv2.polylines(canvas, [shape], True, (colour * 0.72).tolist(), 1, cv2.LINE_AA, SHIFT)
        for vein in (-0.4, 0.0, 0.4):
            ray = np.stack([along[1:9] * length, vein * width[1:9]], 1)
            cv2.polylines(
                canvas,
                [ground.pixels(rotate(ray, turn) + middle)],
                False,
                (colour * 0.90).tolist(),
                1,
                cv2.LINE_AA,
                SHIFT,
            )
    picture = canvas.astype(np.float32)
    mask = ground.mask()
    around = np.linspace(0, 2 * math.pi, 40)
    radius = rng.uniform(0.7, 1.3)
    ground.fill(mask, middle + radius * np.stack([np.cos(around), np.sin(around)], 1), 255)
    florets = ground.noise(tile(0.9, 1), 130.0)
    centre = coloured(1.0 + 0.16 * florets, (214, 158, 34))
    return blend(picture, centre, share_of(mask))


def bark(ground: Ground) -> F32:
    """Bark: streaks along the trunk, dark cracks, grey-green lichen."""
    rng = ground.rng
    axis = rng.uniform(0, math.pi)
    base = pick(rng, ((116, 98, 80), (138, 126, 112), (96, 76, 60), (150, 130, 104)), 8)
    streaks = ground.noise(tile(1.1), (16.0, 60.0), axis)
    rough = ground.noise(tile(0.7, 1), 90.0)
    cracks = ground.noise(ridges(1.3, 1), (9.0, 34.0), axis)
    light = 1.0 + 0.16 * streaks + 0.09 * rough
    surface = coloured(light, base)
    surface = blend(surface, (38, 30, 25), np.clip(cracks * 1.5 - 0.45, 0, 0.85))
    if rng.random() < 0.6:
        lichen = np.clip(ground.noise(tile(1.5, 2), 40.0) * 2.2 - 1.6, 0, 0.9)
        surface = blend(surface, tuple(pick(rng, ((150, 162, 132), (186, 176, 92)), 6)), lichen)
    return surface


def _pebbles(ground: Ground, surface: F32, count: int, largest: float) -> F32:
    """Returns the surface with stones on it, each with a lit and a dark side."""
    rng = ground.rng
    canvas = np.asarray(cv2.convertScaleAbs(surface), np.uint8)
    angle = np.linspace(0, 2 * math.pi, 14, endpoint=False)
    for _ in range(count):
        middle = rng.uniform(-4.5, 4.5, 2)
        radius = largest * rng.uniform(0.25, 1.0) ** 2 * (1 + 0.16 * rng.normal(0, 1, 14))
        ring = np.stack([radius * np.cos(angle), 0.8 * radius * np.sin(angle)], 1)
        colour = np.array((150, 138, 122)) * rng.uniform(0.55, 1.35)
        for shift, scale, bright in ((0.10, 1.06, 0.35), (0.0, 1.0, 0.85), (-0.06, 0.75, 1.1)):
            shape = ground.pixels(middle + ring * scale + shift * largest)
            cv2.fillPoly(
                canvas, [shape], np.clip(colour * bright, 0, 255).tolist(), cv2.LINE_AA, SHIFT
            )
    return canvas.astype(np.float32)


def _grains(ground: Ground, base: NDArray[np.float64], contrast: float, coarse: float) -> F32:
    grain = ground.noise(tile(0.30, 1), 46.0)
    clods = ground.noise(tile(1.0), coarse)
    light = 1.0 + contrast * (1.1 * grain + 0.6 * clods)
    return coloured(np.clip(light, 0.15, 2.0), base)


def sand(ground: Ground) -> F32:
    """Sand, a wall or concrete: fine grain, few stones."""
    base = pick(ground.rng, ((196, 176, 142), (176, 170, 160), (206, 198, 184), (168, 146, 112)), 6)
    return _pebbles(ground, _grains(ground, base, 0.10, 40.0), int(ground.rng.integers(0, 12)), 0.2)


def soil(ground: Ground) -> F32:
    """Soil: dark clods, stones, straws."""
    base = pick(ground.rng, ((86, 66, 48), (104, 84, 64), (70, 56, 46)), 6)
    surface = _pebbles(
        ground, _grains(ground, base, 0.22, 60.0), int(ground.rng.integers(14, 40)), 0.34
    )
    mask = ground.mask()
    for _ in range(int(ground.rng.integers(1, 6))):
        middle, turn = ground.rng.uniform(-3, 3, 2), ground.rng.uniform(0, math.pi)
        straw = rotate(np.array([[-1.3, 0.0], [0.2, 0.06], [1.3, 0.0]]), turn) + middle
        ground.line(mask, straw, 0.07, 255)
    return blend(surface, (176, 152, 98), share_of(mask) * np.float32(0.9))


SURFACES: dict[str, Callable[[Ground], F32]] = {
    "leaf": leaf,
    "stem": stem,
    "flower": flower,
    "bark": bark,
    "sand": sand,
    "soil": soil,
}
