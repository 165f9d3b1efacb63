"""What training sees of a stored photo: a crop, perhaps mirrored, in other colours.

A view is a pure function of the photo's bytes and a seed. It costs as little as it can:

1. The crop is drawn before anything is decoded.
2. A crop that is larger than needed is decoded at the smallest DCT scale that covers it; any other
   is the only part of the photo that is decoded.
3. What is left of the way down is an average over areas, which is antialiased and takes a quarter
   of the time of TensorFlow's own antialiased filters; a small crop is enlarged bilinearly.
4. Colours move by one matrix, on the small picture.

    image = augmented_photo(jpeg, seed, image_size_px=128, augment=0.5)  # uint8 [128, 128, 3]
"""

from __future__ import annotations

import tensorflow as tf

from components.photo_decode import decode_covering, decode_crop
from components.progressive_trainer.augment import adjust_colour, sample_crop
from components.progressive_trainer.rand_augment import rand_augment as rand_augment_photo
from serving.preprocess import square


def augmented_photo(
    jpeg: tf.Tensor,
    seed: tf.Tensor,
    *,
    image_size_px: int,
    augment: float,
    rand_augment: float = 0.0,
) -> tf.Tensor:
    """Returns a training view of a photo: crop, flip and colour drawn from `seed`.

    Args:
        jpeg: string scalar, a transformed record's photo.
        seed: int64 [2].
        image_size_px: S.
        augment: strength, 0..1; at 0 the view is the one that evaluation sees.
        rand_augment: RandAugment's magnitude, 0 for none.

    Returns:
        uint8 [S, S, 3].
    """
    if augment == 0:
        image = square(decode_covering(jpeg, image_size_px), image_size_px)
    else:
        image = random_crop(jpeg, seed, image_size_px=image_size_px, strength=augment)
        image = tf.image.stateless_random_flip_left_right(image, seed + 1)
        image = adjust_colour(image, seed + 2, strength=augment)
    if rand_augment > 0:
        image = tf.clip_by_value(image, 0.0, 255.0)
        image = rand_augment_photo(image, seed + 3, magnitude=rand_augment)
    return to_uint8(image)


def random_crop(
    jpeg: tf.Tensor, seed: tf.Tensor, *, image_size_px: int, strength: float
) -> tf.Tensor:
    """Returns float32 [S, S, 3], 0..255: a part of the photo drawn from `seed`.

    Args:
        jpeg: string scalar.
        seed: int64 [2].
        image_size_px: S.
        strength: 0..1, see `sample_crop`.
    """
    crop = sample_crop(tf.io.extract_jpeg_shape(jpeg)[:2], seed, strength=strength)
    return resize_to_square(decode_crop(jpeg, crop, image_size_px), image_size_px)


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
    # Half up: `tf.round` would be one more pass over the pixels.
    return tf.cast(tf.clip_by_value(image + 0.5, 0.0, 255.0), tf.uint8)
