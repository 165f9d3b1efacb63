"""How a photo was held: EXIF's orientation, read from files that may be damaged.

Only the one tag is read. What Pillow's `exif_transpose` does beside it, writing the block anew
without the tag, fails on photos that viewers show without a word.

    orientation = orientation_of(image)      # 1..8
    photo = upright(image, orientation)
"""

from __future__ import annotations

import struct
import warnings
import zlib

from PIL import Image

EXIF_ORIENTATION_TAG = 0x0112
UPRIGHT = 1

DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    struct.error,
    zlib.error,
    NotImplementedError,
)
"""What Pillow raises for damaged files, depending on the format and on the damage."""

_TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns of each damaged EXIF block. Set for the whole process: `warnings.catch_warnings` is
# not safe in threads.
warnings.filterwarnings("ignore", module="PIL.TiffImagePlugin")


def orientation_of(image: Image.Image) -> int:
    """Returns the EXIF orientation of a photo, 1..8; UPRIGHT where it says none."""
    try:
        orientation = image.getexif().get(EXIF_ORIENTATION_TAG, UPRIGHT)
    except DAMAGE:
        return UPRIGHT  # A photo is no worse for a damaged EXIF block; viewers show it as stored.
    # EXIF reserves other values; viewers show such photos as stored, too.
    return int(orientation) if orientation in range(1, 9) else UPRIGHT


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Returns a photo turned as its EXIF orientation, 1..8, asks."""
    turn = _TO_UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)
