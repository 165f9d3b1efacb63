"""Decoding a photo no larger than it is needed, inside a TensorFlow graph.

A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size straight from its DCT coefficients, at a
fraction of the cost. `decode_covering` takes the smallest such decode that still has the pixels
asked for; the rest of the way down is the caller's resize.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
        sides_px: int32, any shape, the shorter side of what is to be decoded, in full-size pixels.
        wanted_px: the number of pixels that this side must have after decoding.

    Returns:
        (int32 index, int32 ratio), of the shape of `sides_px`.
    """
    wanted = tf.cast(wanted_px, tf.float32)
    sides = tf.cast(sides_px, tf.float32)[..., tf.newaxis]
    enough = sides >= wanted * np.array(DCT_RATIOS, np.float32)
    # The last ratio, 1, is taken when even the full size is too small.
    index = tf.where(
        tf.reduce_any(enough, axis=-1),
        tf.argmax(enough, axis=-1, output_type=tf.int32),
        len(DCT_RATIOS) - 1,
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


def scaled_crops(
    crops: tf.Tensor, heights_widths: tf.Tensor, side_px: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns at which DCT scale each crop is to be decoded, and where it lies in that decode.

    Args:
        crops: int32 [B, 4], (top, left, height, width) in full-size pixels, within the photos.
        heights_widths: int32 [B, 2] of the photos.
        side_px: pixels wanted on a crop's shorter side.

    Returns:
        (int32 [B] index into DCT_RATIOS, the smallest decode whose part is at least as asked, to
        within a pixel, or full size; int32 [B, 4] the crops in the pixels of that decode).
    """
    index, ratio = covering_ratio(tf.reduce_min(crops[:, 2:], axis=1), side_px)
    ratio = ratio[:, tf.newaxis]
    decoded = -(-heights_widths // ratio)  # as libjpeg rounds: up
    begins = tf.minimum(crops[:, :2] // ratio, decoded - 1)
    sizes = tf.clip_by_value(crops[:, 2:] // ratio, 1, decoded - begins)
    return index, tf.concat([begins, sizes], axis=1)


def decode_crop(
    jpegs: Sequence[tf.Tensor], row: tf.Tensor, which: tf.Tensor, crop: tf.Tensor
) -> tf.Tensor:
    """Decodes a part of a JPEG at a DCT scale.

    Args:
        jpegs: string [R] each, tables of RGB or greyscale JPEGs.
        row: integer scalar, the row of the tables.
        which: int32 scalar, the number of the table times len(DCT_RATIOS), plus the index into
            DCT_RATIOS; so that there is one branch in the graph, not one within another.
        crop: int32 [4], (top, left, height, width) in the pixels of that decode.

    Returns:
        uint8 [height, width, 3], RGB.
    """
    size = tf.concat([crop[2:], [3]], axis=0)

    def at(table: tf.Tensor, ratio: int) -> Callable[[], tuple[tf.Tensor, tf.Tensor]]:
        def whole() -> tuple[tf.Tensor, tf.Tensor]:
            decoded = tf.io.decode_jpeg(tf.gather(table, row), channels=3, ratio=ratio)
            return decoded, tf.concat([crop[:2], [0]], axis=0)

        def part() -> tuple[tf.Tensor, tf.Tensor]:
            # The decoder cuts only at full size; there it skips what lies outside.
            jpeg = tf.gather(table, row)
            return tf.io.decode_and_crop_jpeg(jpeg, crop, channels=3), tf.zeros([3], tf.int32)

        return part if ratio == 1 else whole

    branches = [at(table, ratio) for table in jpegs for ratio in DCT_RATIOS]
    decoded, begin = tf.switch_case(which, branches)
    return tf.ensure_shape(tf.slice(decoded, begin, size), [None, None, 3])


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
