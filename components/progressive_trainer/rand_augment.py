"""RandAugment: a few random operations on one photo, their strength one number.

Operations and ranges follow Cubuk et al. 2020 ("RandAugment", arXiv:1909.13719) and the increasing
variants that later work settled on: a larger magnitude always changes the photo more. Magnitude 10
is the paper's full scale; EfficientNetV2 goes from 5 to 15, 20 or 25 over a run (Tan & Le 2021,
table 6).

An operation is chosen with `tf.switch_case`, so that only the chosen one is computed. Everything is
a pure function of the photo's seed:

    image = rand_augment(image, seed, magnitude=9.0)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

FULL_MAGNITUDE = 10.0
"""The magnitude at which an operation reaches the end of its published range."""

NUM_LAYERS = 2
"""Operations applied to each photo, one after the other."""

GREY = 128.0
"""What comes into the picture from outside of it."""

_ROTATION_DEGREES = 30.0
_SHEAR = 0.3
_TRANSLATION_SHARE = 0.45
_BLEND = 0.9
_LEAST_FACTOR = 0.1
_CUTOUT_HALF_SIDE_SHARE = 40 / 224
_LUMA = (0.299, 0.587, 0.114)

Operation = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
"""(image, strength, two uniform draws float32 [2]) -> image; strength 1 is the full range."""


def rand_augment(image: tf.Tensor, seed: tf.Tensor, *, magnitude: float) -> tf.Tensor:
    """Applies `NUM_LAYERS` operations, drawn with replacement.

    Args:
        image: float32 [H, W, 3], 0..255.
        seed: int [2].
        magnitude: 0 (nothing changes) and above; 10 is the full published range.

    Returns:
        float32 [H, W, 3], 0..255.
    """
    if magnitude <= 0:
        return image
    strength = tf.constant(magnitude / FULL_MAGNITUDE, tf.float32)
    seeds = tf.random.experimental.stateless_split(seed, NUM_LAYERS * 2)
    for layer in range(NUM_LAYERS):
        index = tf.random.stateless_uniform([], seeds[2 * layer], 0, len(OPERATIONS), tf.int32)
        draws = tf.random.stateless_uniform([2], seeds[2 * layer + 1])
        image = _apply(index, image, strength, draws)
    return image


def _apply(index: tf.Tensor, image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    def branch(operation: Operation) -> Callable[[], tf.Tensor]:
        return lambda: tf.ensure_shape(operation(image, strength, draws), image.shape)

    changed = tf.switch_case(index, [branch(operation) for operation in OPERATIONS.values()])
    return tf.clip_by_value(changed, 0.0, 255.0)


def _signed(value: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    return tf.where(draws[0] < 0.5, -value, value)


def _factor(strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """How much of the photo is blended with its degenerate form: 1 is the photo itself."""
    return tf.maximum(1.0 + _signed(_BLEND * strength, draws), _LEAST_FACTOR)


def _blend(degenerate: tf.Tensor, image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    return degenerate + (image - degenerate) * factor


def _grey(image: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(image * tf.constant(_LUMA), axis=-1, keepdims=True)


def auto_contrast(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Stretches each channel to 0..255."""
    low = tf.reduce_min(image, axis=(0, 1))
    high = tf.reduce_max(image, axis=(0, 1))
    stretched = (image - low) * (255.0 / tf.maximum(high - low, 1.0))
    return tf.where(high > low, stretched, image)


def equalize(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Spreads each channel's histogram evenly."""
    levels = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.int32)
    flat = tf.transpose(tf.reshape(levels, [-1, 3]))
    counts = tf.math.bincount(flat, minlength=256, maxlength=256, axis=-1, dtype=tf.float32)
    below = tf.cumsum(counts, axis=-1, exclusive=True)
    # The brightest level that occurs goes to 255; a channel of one level has nothing to spread.
    spread = tf.reduce_max(tf.where(counts > 0, below, 0.0), axis=-1, keepdims=True)
    table = tf.where(spread > 0, below / tf.maximum(spread, 1.0) * 255.0, tf.range(256.0))
    equalized = tf.gather(table, flat, batch_dims=1)
    return tf.reshape(tf.transpose(equalized), tf.shape(image))


def invert(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """The photographic negative."""
    return 255.0 - image


def posterize(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Keeps 8 bits a channel at strength 0, 4 at strength 1, never less than 1."""
    step = 2.0 ** tf.minimum(tf.round(4.0 * strength), 7.0)
    return tf.floor(image / step) * step


def solarize(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Inverts what is brighter than a threshold, which falls from 256 to 0."""
    return tf.where(image < 256.0 * (1.0 - strength), image, 255.0 - image)


def solarize_add(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Brightens the dark half by up to 110."""
    return tf.where(image < 128.0, image + 110.0 * strength, image)


def colour(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Moves the saturation."""
    return _blend(_grey(image), image, _factor(strength, draws))


def contrast(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Moves the contrast round the mean grey."""
    return _blend(tf.reduce_mean(_grey(image)), image, _factor(strength, draws))


def brightness(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Moves the brightness."""
    return image * _factor(strength, draws)


def sharpness(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Blurs or sharpens, with the 3x3 kernel of Pillow; the border stays as it is."""
    kernel = tf.constant([[1.0, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13.0
    kernel = tf.tile(kernel[:, :, tf.newaxis, tf.newaxis], [1, 1, 3, 1])
    blurred = tf.nn.depthwise_conv2d(image[tf.newaxis], kernel, [1, 1, 1, 1], "VALID")[0]
    inside = tf.pad(tf.ones_like(blurred), [[1, 1], [1, 1], [0, 0]])
    blurred = tf.pad(blurred, [[1, 1], [1, 1], [0, 0]])
    return tf.where(inside > 0, _blend(blurred, image, _factor(strength, draws)), image)


def rotate(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Turns by up to 30 degrees."""
    angle = _signed(strength * (_ROTATION_DEGREES * math.pi / 180), draws)
    cos, sin = tf.cos(angle), tf.sin(angle)
    y, x = _centre(image)
    return _project(image, [cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y])


def shear_x(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Shears rows by up to 0.3."""
    return _project(image, [1.0, _signed(_SHEAR * strength, draws), 0.0, 0.0, 1.0, 0.0])


def shear_y(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Shears columns by up to 0.3."""
    return _project(image, [1.0, 0.0, 0.0, _signed(_SHEAR * strength, draws), 1.0, 0.0])


def translate_x(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Moves sideways by up to 45 % of the width."""
    width = tf.cast(tf.shape(image)[1], tf.float32)
    shift = _signed(_TRANSLATION_SHARE * strength * width, draws)
    return _project(image, [1.0, 0.0, shift, 0.0, 1.0, 0.0])


def translate_y(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Moves up or down by up to 45 % of the height."""
    height = tf.cast(tf.shape(image)[0], tf.float32)
    shift = _signed(_TRANSLATION_SHARE * strength * height, draws)
    return _project(image, [1.0, 0.0, 0.0, 0.0, 1.0, shift])


def cutout(image: tf.Tensor, strength: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Covers a square anywhere with grey, its side up to 36 % of the photo's."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    side = tf.cast(tf.minimum(height, width), tf.float32)
    half = _CUTOUT_HALF_SIDE_SHARE * strength * side
    rows = tf.abs(tf.range(height) - tf.cast(draws[0] * tf.cast(height, tf.float32), tf.int32))
    columns = tf.abs(tf.range(width) - tf.cast(draws[1] * tf.cast(width, tf.float32), tf.int32))
    covered = tf.logical_and(
        tf.cast(rows, tf.float32)[:, tf.newaxis] < half,
        tf.cast(columns, tf.float32)[tf.newaxis, :] < half,
    )
    return tf.where(covered[:, :, tf.newaxis], GREY, image)


def _centre(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    return (shape[0] - 1) / 2, (shape[1] - 1) / 2


def _project(image: tf.Tensor, affine: list[tf.Tensor | float]) -> tf.Tensor:
    """Bilinear; affine = rows of the matrix that takes an output (x, y) to an input place."""
    transform = tf.stack([tf.cast(value, tf.float32) for value in [*affine, 0.0, 0.0]])
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[tf.newaxis],
        transforms=transform[tf.newaxis],
        output_shape=tf.shape(image)[:2],
        fill_value=GREY,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return moved[0]


OPERATIONS: dict[str, Operation] = {
    "AutoContrast": auto_contrast,
    "Equalize": equalize,
    "Invert": invert,
    "Rotate": rotate,
    "Posterize": posterize,
    "Solarize": solarize,
    "SolarizeAdd": solarize_add,
    "Color": colour,
    "Contrast": contrast,
    "Brightness": brightness,
    "Sharpness": sharpness,
    "ShearX": shear_x,
    "ShearY": shear_y,
    "TranslateX": translate_x,
    "TranslateY": translate_y,
    "Cutout": cutout,
}
"""The operations, by the names that the paper gives them."""
