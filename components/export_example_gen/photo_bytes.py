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

EXIF_ORIENTATION_TAG = 0x0112
UPRIGHT = 1
REENCODED_QUALITY = 95

_CHECK_SIZE_PX = 64
"""The check alone may decode at the coarsest DCT scale: every byte is read all the same."""


class UnusablePhoto(Exception):
    """A photo that cannot be trained on; the message is the reason, for the set-aside list."""


@dataclass(frozen=True)
class PhotoBytes:
    """A photo ready for a record.

    Attributes:
        jpeg: an RGB or greyscale JPEG.
        orientation: EXIF orientation, 1..8.
    """

    jpeg: bytes
    orientation: int


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
        with warnings.catch_warnings():
            # Pillow's own limit is replaced by ours, below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                return _checked(image, data, max_pixels)
    except UnidentifiedImageError as error:
        raise UnusablePhoto(f"no picture: the file starts with {data[:12]!r}") from error
    except Image.DecompressionBombError as error:
        raise UnusablePhoto(f"more pixels than the {max_pixels / 1e6:g} million allowed") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        # What Pillow raises for damaged files, depending on the format and on the damage.
        raise UnusablePhoto(f"damaged: {error}") from error


def _checked(image: Image.Image, data: bytes, max_pixels: int) -> PhotoBytes:
    width, height = image.size
    if width * height > max_pixels:
        raise UnusablePhoto(
            f"{width} x {height} is more pixels than the {max_pixels / 1e6:g} million allowed"
        )
    orientation = image.getexif().get(EXIF_ORIENTATION_TAG, UPRIGHT)
    if orientation not in range(1, 9):
        orientation = UPRIGHT  # EXIF reserves other values; viewers show such photos as stored.
    if image.format == "JPEG" and image.mode in ("RGB", "L"):
        image.draft(image.mode, (_CHECK_SIZE_PX, _CHECK_SIZE_PX))
        image.load()
        return PhotoBytes(data, orientation)
    image.load()
    buffer = io.BytesIO()
    _to_rgb(image).save(buffer, "JPEG", quality=REENCODED_QUALITY)
    return PhotoBytes(buffer.getvalue(), orientation)


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
