"""What a client does to a photo before the network, as one value: ours, and those of others.

`OURS` is what evaluator, server and phone do, and what a bundle's manifest says. Others cut and
resize otherwise; the MobileValidator measures what the same model is worth under each of
`CONVENTIONS`, so that nobody has to guess.

    as_client(photo, 299, CONVENTIONS["android"].spec)   # float32 [299, 299, 3]

Sources: inaturalist/vision-camera-plugin-inatvision (ios, android), inaturalist/inatVisionAPI
(server), inaturalist/inatVisionTraining (training).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

from schemas.settings import Settings

Floats = npt.NDArray[np.float32]


class Preprocessing(Settings):
    """How a photo becomes the network's input."""

    orientation: Literal["upright by EXIF", "as stored"] = "upright by EXIF"
    """Whether the photo is turned as its EXIF says."""

    crop: Literal["centre square", "centre rectangle", "centre square after resizing"] = (
        "centre square"
    )
    """What is cut out; a rectangle keeps the photo's aspect, and is squeezed to a square. After
    resizing: the shorter side is brought to the input size divided by crop_ratio, the aspect kept,
    and the central square of the input size is cut out of that."""

    crop_ratio: float = Field(1.0, gt=0, le=1)
    """Side of what is cut out as a share of the photo's, 0..1; of a square, of the shorter side."""

    resize: Literal["bilinear", "area", "nearest"] = "bilinear"
    """Filter of the step to the input size."""

    antialias: bool = True
    """Whether a bilinear filter widens with the reduction."""

    whole_values: bool = False
    """Whether pixels are rounded to whole values after resizing, as bitmaps hold them."""

    transposed: bool = False
    """Whether the buffer is column-first, so that the network sees the photo mirrored along its
    diagonal."""

    range: tuple[float, float] = (0.0, 255.0)
    """Values of black and of white."""


@dataclass(frozen=True)
class Convention:
    """What somebody's client does.

    Attributes:
        spec: how.
        words: who, for people.
    """

    spec: Preprocessing
    words: str


OURS = Preprocessing()

_BITMAP = Preprocessing(orientation="as stored", antialias=False, whole_values=True)

CONVENTIONS: dict[str, Convention] = {
    "fieldmark": Convention(OURS, "Evaluator, server and phone of Fieldmark"),
    "ios": Convention(_BITMAP, "iNaturalist on iOS: centre square, plain bilinear"),
    "android": Convention(
        _BITMAP.model_copy(update={"transposed": True}),
        "iNaturalist on Android: the same, the buffer column-first",
    ),
    "server": Convention(
        Preprocessing(
            crop="centre square after resizing",
            crop_ratio=0.875,
            resize="area",
            orientation="as stored",
        ),
        "iNaturalist's server: shorter side by area, central 87.5 %",
    ),
    "training": Convention(
        Preprocessing(
            crop="centre rectangle", crop_ratio=0.875, antialias=False, orientation="as stored"
        ),
        "iNaturalist's evaluation in training: central 87.5 %, squeezed to a square",
    ),
    "crop_0.875": Convention(
        OURS.model_copy(update={"crop_ratio": 0.875}), "Ours, of the central 87.5 %"
    ),
    "area": Convention(OURS.model_copy(update={"resize": "area"}), "Ours, resized by area"),
    "nearest": Convention(
        OURS.model_copy(update={"resize": "nearest"}), "Ours, the nearest pixel taken"
    ),
    "no_antialias": Convention(
        OURS.model_copy(update={"antialias": False}), "Ours, without antialiasing"
    ),
    "transposed": Convention(
        OURS.model_copy(update={"transposed": True}), "Ours, the buffer column-first"
    ),
    "squeezed": Convention(
        OURS.model_copy(update={"crop": "centre rectangle"}), "Ours, the whole photo squeezed"
    ),
}
"""By name, ours first."""


def as_client(photo: Image.Image, size_px: int, spec: Preprocessing) -> Floats:
    """Returns float32 [S, S, 3]: a photo as a client hands it to the network.

    Args:
        photo: mode RGB, as the client has it decoded (turned or not).
        size_px: S.
        spec: what the client does.
    """
    if spec.crop == "centre square after resizing":
        pixels = _cut_out_of_resized(photo, size_px, spec)
    else:
        pixels = _resized(_cut(photo, spec), (size_px, size_px), spec)
    if spec.whole_values:
        pixels = np.rint(pixels)
    if spec.transposed:
        pixels = np.ascontiguousarray(pixels.transpose(1, 0, 2))
    black, white = spec.range
    if (black, white) == (0.0, 255.0):
        return pixels
    return np.asarray(black + pixels * ((white - black) / 255.0), np.float32)


def _cut(photo: Image.Image, spec: Preprocessing) -> Image.Image:
    width, height = photo.size
    if spec.crop == "centre square":
        width = height = min(width, height)
    width, height = (max(1, round(side * spec.crop_ratio)) for side in (width, height))
    left, top = (photo.width - width) // 2, (photo.height - height) // 2
    return photo.crop((left, top, left + width, top + height))


def _cut_out_of_resized(photo: Image.Image, size_px: int, spec: Preprocessing) -> Floats:
    zoom = size_px / spec.crop_ratio / min(photo.size)
    width, height = (max(size_px, round(side * zoom)) for side in photo.size)
    left, top = (width - size_px) // 2, (height - size_px) // 2
    pixels = _resized(photo, (width, height), spec)
    return pixels[top : top + size_px, left : left + size_px]


def _resized(photo: Image.Image, size: tuple[int, int], spec: Preprocessing) -> Floats:
    """Resizes to (width, height)."""
    if spec.resize == "bilinear" and spec.antialias:
        # Mode "F" keeps fractions; resizing in "RGB" would round to whole values twice.
        bands = [
            np.asarray(band.convert("F").resize(size, Image.Resampling.BILINEAR))
            for band in photo.split()
        ]
        return np.stack(bands, axis=-1)
    import cv2  # a client of ours alone needs none

    filters = {
        "bilinear": cv2.INTER_LINEAR,
        "area": cv2.INTER_AREA,
        "nearest": cv2.INTER_NEAREST,
    }
    pixels = np.asarray(photo, np.float32)
    return np.asarray(cv2.resize(pixels, size, interpolation=filters[spec.resize]), np.float32)
