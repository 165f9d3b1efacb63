"""A photo as a file: JPEG, some stored turned with an EXIF orientation that says so."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

U8 = NDArray[np.uint8]
_ORIENTATION_TAG = 0x0112
# What undoes the turn a viewer makes for each EXIF orientation (the inverse of
# PIL.ImageOps.exif_transpose): quarter turns swap, mirrors undo themselves.
_STORE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
_FULL_CHROMA_FROM = 88  # better cameras keep all of the colour


def encode(upright: U8, quality: int, orientation: int | None) -> bytes:
    """Returns the file of an upright photo (uint8 [h, w, 3] RGB).

    Args:
        quality: libjpeg's, 1..100.
        orientation: EXIF tag 1..8 to store it under, or None for a file without EXIF.
    """
    image = Image.fromarray(upright)
    options: dict[str, object] = {}
    if orientation is not None:
        if orientation in _STORE:
            image = image.transpose(_STORE[orientation])
        exif = Image.Exif()
        exif[_ORIENTATION_TAG] = orientation
        options["exif"] = exif
    subsampling = "4:4:4" if quality >= _FULL_CHROMA_FROM else "4:2:0"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=subsampling, **options)
    return buffer.getvalue()
