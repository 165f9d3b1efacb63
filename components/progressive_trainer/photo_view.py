"""What training sees of a stored photo: a crop, perhaps mirrored, in other colours.

A view is a pure function of the photo's bytes and a seed. It costs as little as it can:

1. The crop is drawn before anything is decoded; it, the flip and the colours come from one draw.
2. Where the photo's small copy still has the crop at full size, it is decoded in the photo's
   place. The crop is the same, so whether there is a copy changes no more than the fine detail.
3. A crop that is larger than needed is decoded at the smallest DCT scale that covers it; any other
   is the only part of the photo that is decoded.
4. What is left of the way down is an average over areas, which is antialiased and takes a quarter
   of the time of TensorFlow's own antialiased filters; a small crop is enlarged bilinearly.
5. Colours move by one matrix, on the small picture, which is mirrored as bytes.

    image = augmented_photo(jpeg, seed, image_size_px=128, augment=0.5)  # uint8 [128, 128, 3]
    image = augmented_photo(jpeg, seed, image_size_px=128, augment=0.5, small=small_jpeg)
"""

from __future__ import annotations

import tensorflow as tf

from components.photo_decode import decode_covering, decode_crop
from components.progressive_trainer.augment import (
    COLOUR_DRAWS,
    CROP_DRAWS,
    adjust_colour,
    sample_crop,
)
from components.progressive_trainer.rand_augment import rand_augment as rand_augment_photo
from serving.preprocess import square

NO_COPY = b""
"""Stands for the small copy of a photo that has none."""


def augmented_photo(
    jpeg: tf.Tensor,
    seed: tf.Tensor,
    *,
    image_size_px: int,
    augment: float,
    rand_augment: float = 0.0,
    transpose: float = 0.0,
    small: tf.Tensor | None = None,
) -> tf.Tensor:
    """Returns a training view of a photo: crop, flip and colour drawn from `seed`.

    Args:
        jpeg: string scalar, a transformed record's photo.
        seed: int64 [2].
        image_size_px: S.
        augment: strength, 0..1; at 0 the view is the one that evaluation sees.
        rand_augment: RandAugment's magnitude, 0 for none.
        transpose: probability, 0..1, that rows and columns change places: iNaturalist's Android app
            hands photos over so.
        small: string scalar, the photo's small copy; empty, as None, if it has none.

    Returns:
        uint8 [S, S, 3].
    """
    if augment == 0:
        image = square(decode_covering(jpeg, image_size_px), image_size_px)
        mirrors = tf.constant(False)
    else:
        draws = tf.random.stateless_uniform([CROP_DRAWS + COLOUR_DRAWS + 1], seed)
        of_crop, of_colour, of_flip = tf.split(draws, [CROP_DRAWS, COLOUR_DRAWS, 1])
        crop = sample_crop(jpeg_size(jpeg), of_crop, strength=augment)
        source, crop = smallest_covering(jpeg, small, crop, image_size_px)
        image = resize_to_square(decode_crop(source, crop, image_size_px), image_size_px)
        image = adjust_colour(image, of_colour, strength=augment)
        mirrors = of_flip[0] < 0.5
    if rand_augment > 0:
        image = tf.clip_by_value(mirrored(image, mirrors), 0.0, 255.0)
        image = to_uint8(rand_augment_photo(image, seed + 3, magnitude=rand_augment))
    else:
        image = mirrored(to_uint8(image), mirrors)
    if transpose > 0:
        drawn = tf.random.stateless_uniform([], seed + 4) < transpose
        image = tf.cond(drawn, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    return image


def mirrored(image: tf.Tensor, mirrors: tf.Tensor) -> tf.Tensor:
    """Returns the photo, left and right exchanged if so drawn.

    Args:
        image: [H, W, 3]; as bytes it is a quarter of the work that it is as floats.
        mirrors: bool scalar.
    """
    return tf.cond(mirrors, lambda: tf.reverse(image, [1]), lambda: image)


def smallest_covering(
    jpeg: tf.Tensor, small: tf.Tensor | None, crop: tf.Tensor, size_px: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns what to decode, the photo or its small copy, and the crop in the pixels of that.

    Args:
        jpeg: string scalar, the photo.
        small: string scalar, the copy; empty or None if there is none.
        crop: int32 [4], (top, left, height, width) in the photo's pixels.
        size_px: pixels wanted on the crop's shorter side; the copy is taken only if it has them.

    Returns:
        (string scalar, int32 [4]).
    """
    if small is None:
        return jpeg, crop
    # Selected as values, not in branches: those cost more than a photo's bytes take to copy.
    copy = tf.where(tf.equal(small, NO_COPY), jpeg, small)
    scale = tf.cast(jpeg_size(copy) / jpeg_size(jpeg), tf.float32)
    begin, end = tf.cast(crop[:2], tf.float32), tf.cast(crop[:2] + crop[2:], tf.float32)
    # Edges are rounded, not sizes: each is within half a pixel of its place, and the last in range.
    edges = tf.cast(tf.stack([begin, end]) * scale + 0.5, tf.int32)
    in_copy = tf.concat([edges[0], edges[1] - edges[0]], 0)
    covers = tf.reduce_min(in_copy[2:]) >= size_px
    return tf.where(covers, copy, jpeg), tf.where(covers, in_copy, crop)


def jpeg_size(jpeg: tf.Tensor) -> tf.Tensor:
    """Returns int32 [2], (height, width) of a JPEG (string scalar), from its header."""
    return tf.io.extract_jpeg_shape(jpeg)[:2]


def resize_to_square(image: tf.Tensor, size_px: int) -> tf.Tensor:
    """Returns float32 [S, S, 3]: the whole image, antialiased where it shrinks.

    Args:
        image: uint8 [h, w, 3].
        size_px: S.
    """
    size = [size_px, size_px]
    shape = tf.shape(image)
    resized = tf.cond(
        tf.minimum(shape[0], shape[1]) >= size_px,
        lambda: tf.image.resize(image, size, method="area"),
        lambda: tf.image.resize(image, size, method="bilinear"),
    )
    return tf.ensure_shape(resized, [size_px, size_px, 3])


def to_uint8(image: tf.Tensor) -> tf.Tensor:
    """Returns uint8 of the same shape: float32 rounded into 0..255."""
    # One pass over the pixels, where to add a half, to clip and to cast would be four.
    quantized = tf.raw_ops.QuantizeV2(input=image, min_range=0.0, max_range=255.0, T=tf.quint8)
    return tf.bitcast(quantized.output, tf.uint8)
