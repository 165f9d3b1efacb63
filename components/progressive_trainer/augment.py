"""Augmentation of one photo, its strength a number between 0 and 1.

At strength 1 the crop covers 8-100 % of the photo at aspects of 3:4 to 4:3 (Szegedy et al. 2015),
and brightness, contrast and saturation move by up to 40 % (Howard 2013); at 0 nothing changes.
Everything is a pure function of numbers drawn for the photo, uniform in 0..1:

    draws = tf.random.stateless_uniform([CROP_DRAWS + COLOUR_DRAWS], seed)
    crop = sample_crop(height_width, draws[:CROP_DRAWS], strength=0.5)
    image = adjust_colour(image, draws[CROP_DRAWS:], strength=0.5)
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

LARGEST_CROPPED_AREA_SHARE = 0.92
"""At strength 1, a crop may leave away this share of the photo."""

LARGEST_LOG_ASPECT = 0.2877
"""ln(4/3): at strength 1 a crop is between 3:4 and 4:3 of the photo's own centre square."""

LARGEST_COLOUR_SHIFT = 0.4
"""At strength 1, brightness, contrast and saturation are scaled by 0.6 .. 1.4."""

LUMA = (0.299, 0.587, 0.114)
"""Red's, green's and blue's share in a grey (ITU-R BT.601)."""

# Made here and not in the graph, where they would be made again for each photo.
_SAME = np.eye(3, dtype=np.float32)
_TO_GREY = np.tile(np.array(LUMA, np.float32)[:, np.newaxis], [1, 3])

CROP_DRAWS = 4
"""Numbers that a crop needs."""

COLOUR_DRAWS = 3
"""Numbers that colours need."""


def sample_crop(height_width: tf.Tensor, draws: tf.Tensor, *, strength: float) -> tf.Tensor:
    """Returns a random crop, int32 [4] as (top, left, height, width).

    Args:
        height_width: int32 [2] of the photo.
        draws: float32 [CROP_DRAWS], 0..1.
        strength: 0..1.
    """
    size = tf.cast(height_width, tf.float32)
    whole_height, whole_width = tf.unstack(size)
    of_area, of_aspect, of_top, of_left = tf.unstack(draws)
    area = tf.reduce_min(size) ** 2 * (1 - LARGEST_CROPPED_AREA_SHARE * strength * of_area)
    aspect = tf.exp((2 * of_aspect - 1) * LARGEST_LOG_ASPECT * strength)
    height = tf.clip_by_value(tf.sqrt(area / aspect), 1.0, whole_height)
    width = tf.clip_by_value(tf.sqrt(area * aspect), 1.0, whole_width)
    top = of_top * (whole_height - height)
    left = of_left * (whole_width - width)
    return tf.cast(tf.stack([top, left, height, width]), tf.int32)


def adjust_colour(image: tf.Tensor, draws: tf.Tensor, *, strength: float) -> tf.Tensor:
    """Scales brightness, contrast and saturation.

    Args:
        image: float32 [H, W, 3], 0..255.
        draws: float32 [COLOUR_DRAWS], 0..1.
        strength: 0..1.

    Returns:
        float32 [H, W, 3]; may leave 0..255 by a little, the caller rounds it into range.
    """
    shift = LARGEST_COLOUR_SHIFT * strength
    brightness, contrast, saturation = tf.unstack(1 + shift * (2 * draws - 1))
    # One after the other, the three are one matrix and an offset:
    #   x * b;  then mean + (x - mean) * c;  then grey(x) + (x - grey(x)) * s
    # The offset is grey itself, so that the saturation leaves it as it is.
    matrix = brightness * contrast * (saturation * _SAME + (1 - saturation) * _TO_GREY)
    offset = brightness * tf.reduce_mean(image) * (1 - contrast)
    moved = tf.matmul(tf.reshape(image, [-1, 3]), matrix) + offset
    return tf.reshape(moved, tf.shape(image))
