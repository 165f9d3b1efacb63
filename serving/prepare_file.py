"""A photo file made ready for the network, without TensorFlow: what phone and desktop clients do.

The steps are those of `preprocess_spec.OURS`, with the one that only a client can take, since a
server's graph never sees a photo's EXIF:

1. turn the photo upright as its EXIF orientation says, if that can be read;
2. cut the centre square, its side the photo's full shorter side;
3. resize it to S x S, bilinear with antialiasing (the triangle filter widens with the reduction);
4. hand over float32 RGB, 0..255, not rounded.

    pixels = prepare_file("owl.jpg", 299)  # float32 [299, 299, 3]
    pixels = prepare_bytes(content, 299, name="owl.jpg", max_pixels=50_000_000)
"""

from __future__ import annotations

import io
from os import PathLike
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from schemas.errors import DataError
from schemas.upright import DAMAGE, orientation_of, upright
from serving.preprocess_spec import OURS, as_client

PHOTO_FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
"""What is read, whatever a file's name says. Pillow knows many more, some of which start other
programs: an EPS, Ghostscript."""

_REMEDY = "Give a whole JPEG, PNG, GIF or WebP photo."
_SMALLER = "Give a smaller copy."


def prepare_file(
    path: str | PathLike[str], size_px: int, *, crop_share: float = 1.0
) -> npt.NDArray[np.float32]:
    """Returns float32 [S, S, 3], RGB, 0..255: the photo as the network takes it.

    Args:
        path: a photo of one of PHOTO_FORMATS, in any colour mode; of an animation the first picture
            is taken.
        size_px: S, side of the square in pixels.
        crop_share: side of the centre square as a share of the photo's shorter side, above 0, at
            most 1. Ours take all of it; networks of others often 0.875.

    Raises:
        DataError: naming the file, if it cannot be read or decoded to its end.
    """
    return _pixels(_read_upright(path, str(path)), size_px, crop_share)


def prepare_bytes(
    content: bytes, size_px: int, *, name: str, max_pixels: int
) -> npt.NDArray[np.float32]:
    """Returns float32 [S, S, 3], RGB, 0..255: a photo that a stranger sent, made ready.

    Args:
        content: of one of PHOTO_FORMATS.
        size_px: S, side of the square in pixels.
        name: what messages call the photo.
        max_pixels: most pixels that are decoded; more are refused by the file's header alone.

    Raises:
        DataError: if it has more pixels, is of another format, or cannot be decoded to its end.
    """
    if not content:
        raise DataError(name, problem="is empty.", remedy=_REMEDY)
    photo = _read_upright(io.BytesIO(content), name, max_pixels=max_pixels)
    return _pixels(photo, size_px, crop_share=1.0)


def _pixels(upright: Image.Image, size_px: int, crop_share: float) -> npt.NDArray[np.float32]:
    spec = OURS if crop_share == 1.0 else OURS.model_copy(update={"crop_ratio": crop_share})
    return as_client(upright, size_px, spec)


def _read_upright(
    source: str | PathLike[str] | BinaryIO,
    name: str,
    *,
    max_pixels: int | None = None,
) -> Image.Image:
    """The whole photo, decoded, upright, in mode RGB."""
    try:
        with Image.open(source, formats=PHOTO_FORMATS) as image:
            if max_pixels is not None and image.width * image.height > max_pixels:
                raise DataError(
                    name,
                    problem=f"has {image.width:,} x {image.height:,} pixels. Allowed: "
                    f"{max_pixels:,} in all.",
                    remedy=_SMALLER,
                )
            return upright(_to_rgb(image), orientation_of(image))
    except FileNotFoundError as error:
        raise DataError(name, problem="does not exist.", remedy="Check the path.") from error
    except Image.DecompressionBombError as error:
        raise DataError(
            name,
            problem=f"has more pixels than the {2 * (Image.MAX_IMAGE_PIXELS or 0):,} that are safe "
            "to decode.",
            remedy=_SMALLER,
        ) from error
    except UnidentifiedImageError as error:
        raise DataError(
            name,
            problem="cannot be read as a photo: cannot identify image file.",
            remedy=_REMEDY,
        ) from error
    except DAMAGE as error:
        raise DataError(
            name, problem=f"cannot be read as a photo: {_sentence(error)}", remedy=_REMEDY
        ) from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        # Pillow would cut 16-bit grey off at 255; like TensorFlow, keep the high byte.
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        image = Image.fromarray(grey)
    return image.convert("RGB")


def _sentence(error: Exception) -> str:
    text = str(error.strerror or error) if isinstance(error, OSError) else str(error)
    return f"{text.rstrip('.') or type(error).__name__}."
