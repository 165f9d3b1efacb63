"""A photo in 64 bits that stay almost the same when the photo is scaled or encoded anew.

The hash is pHash as imagehash computes it: grey, 32 x 32 px, cosine transform, and of its 8 x 8
lowest frequencies a bit each, set if the frequency is above their median. A photo therefore has
exactly 32 of its 64 bits set, and two photos lie an even number of bits apart. Where fewer are
set, many frequencies are equal, which is to say zero: one colour, a plain gradient. Such hashes
say nothing about what was photographed, and `has_detail` is false for them.

    upright = ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB")
    perceptual_hash(upright)                                # 0..2**64 - 1
    has_detail(np.array([0x8000000000000000], np.uint64))   # [False]
"""

from __future__ import annotations

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

LEAST_BITS_SET = 24
"""A hash with fewer bits set is one of a photo without detail. Photos have 32; 24 leaves room for
frequencies that happen to equal the median, as in small pictures of few colours."""


def perceptual_hash(image: Image.Image) -> int:
    """Returns the 64-bit perceptual hash of a photo, most significant bit first.

    The bits go row by row through the 8 x 8 lowest frequencies, the mean (0, 0) first.

    Args:
        image: an upright photo, RGB or L, of any size.

    Returns:
        0..2**64 - 1.
    """
    bits = imagehash.phash(image, hash_size=8, highfreq_factor=4).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def has_detail(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Returns which hashes are worth comparing.

    Args:
        hashes: uint64 [N], as `perceptual_hash` gives them.

    Returns:
        bool [N].
    """
    return np.bitwise_count(hashes) >= LEAST_BITS_SET
