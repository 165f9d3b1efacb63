"""A photo file's bytes, checked and made safe for every later step.

What leaves here is an RGB or greyscale JPEG that decodes to its last row, and its EXIF orientation.
A JPEG of that kind keeps its bytes; anything else that shows a picture (CMYK, PNG or GIF named
.jpg, 16 bits a channel) is encoded anew. The header's pixel count is checked before any decoding.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from components.export_example_gen.coarse_hash import coarse_hash
from schemas.photo_hash import perceptual_hash
from schemas.upright import DAMAGE, orientation_of, upright

__all__ = ["PhotoBytes", "UnusablePhoto", "check_photo", "upright"]

REENCODED_QUALITY = 95

_CHECK_SIZE_PX = 64
"""The check alone may decode at the coarsest DCT scale: every byte is read all the same. Twice the
32 px that the perceptual hash looks at, so that it hardly differs from the full photo's."""

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
"""What counts as a picture. Some others that Pillow knows start programs: an EPS, Ghostscript."""

_JPEG_FORMATS = ("JPEG", "MPO")
"""MPO is a JPEG with others behind it (3D cameras, phones); every decoder shows the first one."""

# Pillow's own limit is replaced by ours. Set for the whole process: `warnings.catch_warnings` is
# not safe in threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class UnusablePhoto(Exception):
    """A photo that cannot be trained on; the message is the reason, for the set-aside list."""


@dataclass(frozen=True)
class PhotoBytes:
    """A photo ready for a record.

    Attributes:
        jpeg: an RGB or greyscale JPEG.
        orientation: EXIF orientation, 1..8.
        phash: 64-bit perceptual hash of the upright photo (schemas.photo_hash), as seen at the
            check's coarse scale: a bit or two from the full photo's.
    """

    jpeg: bytes
    orientation: int
    phash: int


def check_photo(data: bytes, *, max_pixels: int) -> PhotoBytes:
    """Returns the photo in `data`.

    Args:
        data: a file's bytes, whatever its name says.
        max_pixels: largest width x height accepted.

    Raises:
        UnusablePhoto: if it is empty, no picture, too large, or cut off.
    """
    if not data:
        raise UnusablePhoto("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            return _checked(image, data, max_pixels)
    except UnidentifiedImageError as error:
        raise UnusablePhoto(f"no picture: the file starts with {data[:12]!r}") from error
    except Image.DecompressionBombError as error:
        raise UnusablePhoto(f"more pixels than the {max_pixels / 1e6:g} million allowed") from error
    except DAMAGE as error:
        raise UnusablePhoto(f"damaged: {error}") from error


def _checked(image: Image.Image, data: bytes, max_pixels: int) -> PhotoBytes:
    width, height = image.size
    if width * height > max_pixels:
        raise UnusablePhoto(
            f"{width} x {height} is more pixels than the {max_pixels / 1e6:g} million allowed"
        )
    orientation = orientation_of(image)
    if image.format in _JPEG_FORMATS and image.mode in ("RGB", "L"):
        # Grey is all that the hash needs, and spares the colours' inverse transform.
        image.draft("L", (_CHECK_SIZE_PX, _CHECK_SIZE_PX))
        image.load()
        return PhotoBytes(data, orientation, coarse_hash(upright(image, orientation)))
    image.load()
    rgb, buffer = _to_rgb(image), io.BytesIO()
    rgb.save(buffer, "JPEG", quality=REENCODED_QUALITY)
    return PhotoBytes(buffer.getvalue(), orientation, perceptual_hash(upright(rgb, orientation)))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16 bits a channel: Pillow's own conversion cuts off at 255 instead of scaling.
        values = np.asarray(image, np.float64)
        full_scale = 65535.0 if values.max(initial=0) > 255 else 255.0
        return Image.fromarray(np.round(values / full_scale * 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, (255, 255, 255, 255))
        opaque.alpha_composite(image.convert("RGBA"))
        return opaque.convert("RGB")
    return image.convert("RGB")
