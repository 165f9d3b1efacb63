"""Seamless noise, computed once a process and sampled through any affine map.

A tile is white noise with its spectrum bent to 1/f^k (the law of natural textures: Field 1987),
so it repeats without a seam; `sample` looks it up in world units, so that bark, sand and leaf
turn and shrink with the camera.
"""

from __future__ import annotations

from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
TILE_PX = 512
GRAIN_PX = 1024
GRAIN_MEAN, GRAIN_DEVIATION = 128, 30
_TILE_SEED = 20_240_501  # fixed: tiles are the same in every world, only their places differ


@cache
def tile(steepness: float, layer: int = 0) -> F32:
    """Returns a seamless tile, twice by twice: float32 [1024, 1024], mean 0, deviation 1.

    Args:
        steepness: k of 1/f^k; 0 white, 1 gravel, 2 clouds.
        layer: tiles of different layers are independent.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([_TILE_SEED, layer])))
    white = np.fft.rfft2(rng.standard_normal((TILE_PX, TILE_PX)))
    fy, fx = np.fft.fftfreq(TILE_PX)[:, None], np.fft.rfftfreq(TILE_PX)[None, :]
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = 1.0
    shaped = white * frequency**-steepness
    shaped[0, 0] = 0.0
    field = np.fft.irfft2(shaped, (TILE_PX, TILE_PX))
    # Repeated, since OpenCV's fast path ends at the border of the image it samples.
    return np.tile((field / field.std()).astype(np.float32), (2, 2))


@cache
def ridges(steepness: float, layer: int = 0) -> F32:
    """Returns a seamless net of thin ridges: float32 [1024, 1024], 0..1, 1 on the ridge."""
    return np.exp(-np.abs(tile(steepness, layer)) * 5.0).astype(np.float32)


@lru_cache(maxsize=1)
def grain_tile() -> NDArray[np.uint8]:
    """Returns sensor noise, blurred a little by demosaicing: uint8 [1024, 1024, 3].

    Mean `GRAIN_MEAN`, standard deviation `GRAIN_DEVIATION`: bytes, so that OpenCV adds it in one
    pass.
    """
    rng = np.random.Generator(np.random.PCG64(_TILE_SEED))
    white = rng.standard_normal((GRAIN_PX, GRAIN_PX, 3), dtype=np.float32)
    soft = cv2.GaussianBlur(white, (3, 3), 0.6, borderType=cv2.BORDER_REFLECT)
    noise = soft / soft.std() * GRAIN_DEVIATION + GRAIN_MEAN
    return np.clip(np.round(noise), 0, 255).astype(np.uint8)


def sample(
    field: F32,
    ground: NDArray[np.float64],
    shape: tuple[int, int],
    unit_px: tuple[float, float] | float,
    offset_px: tuple[float, float],
    turn_rad: float = 0.0,
) -> F32:
    """Returns a tile as it lies on the ground: float32 [h, w].

    Args:
        field: a tile.
        ground: affine map of ground points to pixels, [2, 3].
        shape: h, w.
        unit_px: tile pixels a world unit, along and across `turn_rad`.
        offset_px: tile pixel at the world's origin.
        turn_rad: direction of the first axis of `unit_px` in the world.
    """
    along, across = (unit_px, unit_px) if isinstance(unit_px, float | int) else unit_px
    cos, sin = np.cos(turn_rad), np.sin(turn_rad)
    to_tile = np.array([[along * cos, along * sin], [-across * sin, across * cos]])
    inverse = np.linalg.inv(ground[:, :2])
    linear = to_tile @ inverse
    middle = np.array([shape[1] / 2, shape[0] / 2])
    at_middle = linear @ (middle - ground[:, 2]) + np.array(offset_px)
    shift = at_middle % TILE_PX + TILE_PX / 2 - linear @ middle
    matrix = np.hstack([linear, shift[:, None]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (shape[1], shape[0])
    return cv2.warpAffine(field, matrix, size, flags=flags, borderMode=cv2.BORDER_WRAP)
