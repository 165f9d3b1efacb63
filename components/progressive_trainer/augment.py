"""Augmentation of photos, its strength a number between 0 and 1.

At strength 1 the crop covers 8-100 % of the photo at aspects of 3:4 to 4:3 (Szegedy et al. 2015),
and brightness, contrast and saturation move by up to 40 % (Howard 2013); at 0 nothing changes.
Everything is a pure function of numbers drawn for each photo, uniform in 0..1. What is arithmetic
is done for many photos at once, what touches pixels for one:

    draws = tf.random.stateless_uniform([CROP_DRAWS + COLOUR_DRAWS], seed)  # of each of B photos
    crops = sample_crops(heights_widths, draws[:, :CROP_DRAWS], aspects, strength=0.5)
    matrices, grey_shares = colour_moves(draws[:, CROP_DRAWS:], strength=0.5)
    image = move_colours(image, matrices[0], grey_shares[0])
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
"""Numbers that a crop needs: of its area, its aspect, and how far down and right it lies."""

ASPECT_DRAW = 1
"""Which of them is the aspect's."""

COLOUR_DRAWS = 3
"""Numbers that colours need."""


def crop_aspect(draw: tf.Tensor, *, strength: float) -> tf.Tensor:
    """Returns the aspect of a crop, width over height, float32 scalar.

    For one photo at a time: the exponential of a vector is rounded in another way at the vector's
    end, and a photo's view would depend on which photos are prepared together with it.

    Args:
        draw: float32 scalar, 0..1.
        strength: 0..1.
    """
    return tf.exp((2 * draw - 1) * (LARGEST_LOG_ASPECT * strength))


def sample_crops(
    heights_widths: tf.Tensor, draws: tf.Tensor, aspects: tf.Tensor, *, strength: float
) -> tf.Tensor:
    """Returns random crops, int32 [B, 4] as (top, left, height, width).

    Args:
        heights_widths: int32 [B, 2] of the photos.
        draws: float32 [B, CROP_DRAWS], 0..1.
        aspects: float32 [B], of `crop_aspect`.
        strength: 0..1.
    """
    sizes = tf.cast(heights_widths, tf.float32)
    whole_height, whole_width = tf.unstack(sizes, axis=1)
    of_area, _, of_top, of_left = tf.unstack(draws, axis=1)
    square = tf.minimum(whole_height, whole_width)
    area = square * square * (1 - LARGEST_CROPPED_AREA_SHARE * strength * of_area)
    height = tf.clip_by_value(tf.sqrt(area / aspects), 1.0, whole_height)
    width = tf.clip_by_value(tf.sqrt(area * aspects), 1.0, whole_width)
    top = of_top * (whole_height - height)
    left = of_left * (whole_width - width)
    return tf.cast(tf.stack([top, left, height, width], axis=1), tf.int32)


def colour_moves(draws: tf.Tensor, *, strength: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns what brightness, contrast and saturation do to the colours of each photo.

    Args:
        draws: float32 [B, COLOUR_DRAWS], 0..1.
        strength: 0..1.

    Returns:
        (matrices float32 [B, 3, 3], grey shares float32 [B]); see `move_colours`.
    """
    shift = LARGEST_COLOUR_SHIFT * strength
    brightness, contrast, saturation = tf.unstack(1 + shift * (2 * draws - 1), axis=1)
    # One after the other, the three are one matrix and an offset:
    #   x * b;  then mean + (x - mean) * c;  then grey(x) + (x - grey(x)) * s
    # The offset is grey itself, so that the saturation leaves it as it is.
    s = saturation[:, tf.newaxis, tf.newaxis]
    matrices = (brightness * contrast)[:, tf.newaxis, tf.newaxis] * (s * _SAME + (1 - s) * _TO_GREY)
    return matrices, brightness * (1 - contrast)


def move_colours(image: tf.Tensor, matrix: tf.Tensor, grey_share: tf.Tensor) -> tf.Tensor:
    """Moves the colours of a photo.

    Args:
        image: float32 [H, W, 3], 0..255.
        matrix: float32 [3, 3], what a colour (from the left) becomes.
        grey_share: float32 scalar, how much of the photo's mean is added to each channel.

    Returns:
        float32 [H, W, 3]; may leave 0..255 by a little, the caller rounds it into range.
    """
    offset = grey_share * tf.reduce_mean(image)
    moved = tf.matmul(tf.reshape(image, [-1, 3]), matrix) + offset
    return tf.reshape(moved, tf.shape(image))
