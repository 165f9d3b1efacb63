"""Decoding a photo no larger than it is needed, inside a TensorFlow graph.

A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size straight from its DCT coefficients, at a
fraction of the cost. `decode_covering` takes the smallest such decode that still has the pixels
asked for; the rest of the way down is the caller's resize.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

DCT_RATIOS = (8, 4, 2, 1)
"""Down-scalings that the JPEG decoder offers, the cheapest first."""

UPRIGHT = 1
"""EXIF orientation of a photo that needs no turning."""


def covering_ratio(
    sides_px: tf.Tensor, wanted_px: tf.Tensor | int | float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the index into DCT_RATIOS of the smallest sufficient decode, and its ratio.

    Args:
        sides_px: int32 scalar, the shorter side of what is to be decoded, in full-size pixels.
        wanted_px: the number of pixels that this side must have after decoding.

    Returns:
        (int32 scalar index, int32 scalar ratio).
    """
    wanted = tf.cast(wanted_px, tf.float32)
    enough = tf.cast(sides_px, tf.float32) >= wanted * np.array(DCT_RATIOS, np.float32)
    # The last ratio, 1, is taken when even the full size is too small.
    index = tf.where(
        tf.reduce_any(enough), tf.argmax(enough, output_type=tf.int32), len(DCT_RATIOS) - 1
    )
    return index, tf.gather(DCT_RATIOS, index)


def decode_covering(jpeg: tf.Tensor, shorter_side_px: tf.Tensor | int) -> tf.Tensor:
    """Decodes a JPEG at the smallest DCT scale whose shorter side is at least as asked.

    Args:
        jpeg: string scalar, an RGB or greyscale JPEG.
        shorter_side_px: pixels wanted on the shorter side.

    Returns:
        uint8 [h, w, 3], RGB; the full-size decode if the photo is smaller than asked.
    """
    height_width = tf.io.extract_jpeg_shape(jpeg)[:2]
    index, _ = covering_ratio(tf.reduce_min(height_width), shorter_side_px)
    image = tf.switch_case(
        index,
        [
            lambda ratio=ratio: tf.io.decode_jpeg(
                jpeg, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE"
            )
            for ratio in DCT_RATIOS
        ],
    )
    image.set_shape([None, None, 3])
    return image


def decode_crop(jpeg: tf.Tensor, crop: tf.Tensor, side_px: int) -> tf.Tensor:
    """Decodes a part of a JPEG, no larger than needed.

    Args:
        jpeg: string scalar, an RGB or greyscale JPEG.
        crop: int32 [4], (top, left, height, width) in full-size pixels, within the photo.
        side_px: pixels wanted on the part's shorter side.

    Returns:
        uint8 [h, w, 3], RGB: the part at the smallest DCT scale whose shorter side is at least as
        asked, to within a pixel; at full size if it is smaller than asked.
    """
    index, _ = covering_ratio(tf.reduce_min(crop[2:]), side_px)
    image = tf.switch_case(
        index,
        [lambda ratio=ratio: _decode_scaled_crop(jpeg, crop, ratio) for ratio in DCT_RATIOS[:-1]]
        # The decoder cuts only at full size; there it skips what lies outside.
        + [lambda: tf.io.decode_and_crop_jpeg(jpeg, crop, channels=3)],
    )
    image.set_shape([None, None, 3])
    return image


def _decode_scaled_crop(jpeg: tf.Tensor, crop: tf.Tensor, ratio: int) -> tf.Tensor:
    image = tf.io.decode_jpeg(jpeg, channels=3, ratio=ratio)
    top, left, height, width = tf.unstack(crop // ratio)
    size = tf.shape(image)
    top, left = tf.minimum(top, size[0] - 1), tf.minimum(left, size[1] - 1)
    height = tf.clip_by_value(height, 1, size[0] - top)
    width = tf.clip_by_value(width, 1, size[1] - left)
    return image[top : top + height, left : left + width]


def upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns a photo as its EXIF orientation says.

    Args:
        image: [h, w, 3] as stored.
        orientation: integer scalar, 1..8 (EXIF 2.3, tag 0x0112).

    Returns:
        [h, w, 3] or [w, h, 3], the photo as it was seen.
    """
    turned = tf.switch_case(
        tf.cast(orientation, tf.int32) - UPRIGHT,
        [
            lambda: image,
            lambda: tf.reverse(image, [1]),
            lambda: tf.reverse(image, [0, 1]),
            lambda: tf.reverse(image, [0]),
            lambda: tf.transpose(image, [1, 0, 2]),
            lambda: tf.reverse(tf.transpose(image, [1, 0, 2]), [1]),
            lambda: tf.reverse(tf.transpose(image, [1, 0, 2]), [0, 1]),
            lambda: tf.reverse(tf.transpose(image, [1, 0, 2]), [0]),
        ],
    )
    turned.set_shape([None, None, 3])
    return turned


def shrink_shorter_side(image: tf.Tensor, side_px: int) -> tf.Tensor:
    """Resizes so that the shorter side is `side_px`, keeping the aspect; never enlarges.

    Args:
        image: uint8 [h, w, 3].
        side_px: largest shorter side allowed.

    Returns:
        uint8 [h', w', 3].
    """
    size = tf.shape(image)[:2]
    shorter = tf.reduce_min(size)
    scale = tf.minimum(1.0, side_px / tf.cast(shorter, tf.float32))
    new_size = tf.maximum(1, tf.cast(tf.round(tf.cast(size, tf.float32) * scale), tf.int32))
    smaller = tf.cond(
        shorter > side_px,
        lambda: tf.cast(
            tf.clip_by_value(
                tf.round(tf.image.resize(image, new_size, method="bilinear", antialias=True)),
                0,
                255,
            ),
            tf.uint8,
        ),
        lambda: image,
    )
    smaller.set_shape([None, None, 3])
    return smaller
