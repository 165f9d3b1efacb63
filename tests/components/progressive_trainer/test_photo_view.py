from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tiny_training import jpeg

from components.photo_decode import decode_covering
from components.progressive_trainer.augment import adjust_colour, sample_crop
from components.progressive_trainer.photo_view import augmented_photo, resize_to_square, to_uint8
from serving.preprocess import square


def test_strength_zero_shows_the_photo_as_it_is_evaluated() -> None:
    data = tf.constant(jpeg(1, (200, 150)))

    image = augmented_photo(data, tf.constant([1, 2], tf.int64), image_size_px=32, augment=0.0)

    evaluated = square(decode_covering(data, 32), 32).numpy()
    assert np.abs(image.numpy().astype(float) - evaluated).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("size", [(600, 400), (90, 350), (33, 32), (8, 5), (1, 1)])
def test_any_photo_can_be_augmented_at_full_strength(size: tuple[int, int]) -> None:
    data = tf.constant(jpeg(1, size))
    for draw in range(12):
        image = augmented_photo(
            data, tf.constant([9, draw], tf.int64), image_size_px=32, augment=1.0
        )
        assert image.shape == (32, 32, 3)
        assert image.dtype == tf.uint8


def test_augmented_photo_keeps_its_colour_about() -> None:
    # A crop that decodes another place, or colours in the wrong order, would show here.
    data = tf.constant(jpeg(0, (300, 200)))
    views = np.stack(
        [
            augmented_photo(
                data, tf.constant([9, draw], tf.int64), image_size_px=32, augment=1.0
            ).numpy()
            for draw in range(40)
        ]
    )

    mean = views.astype(float).mean(axis=(0, 1, 2))
    whole = tf.io.decode_jpeg(data).numpy().mean(axis=(0, 1))
    assert mean == pytest.approx(whole, abs=12)


def documented_zooms() -> list[tuple[float, ...]]:
    """(strength, median, mean, upper tenth) as docs/progressive.md says."""
    text = (Path(__file__).parents[3] / "docs/progressive.md").read_text()
    table = text.partition("median zoom")[2].partition("\n\n")[0]
    return [tuple(map(float, re.findall(r"[0-9.]+", row))) for row in table.splitlines()[2:]]


@pytest.mark.parametrize(("strength", "median", "mean", "upper"), documented_zooms())
def test_objects_look_larger_in_training_by_what_the_docs_say(
    strength: float, median: float, mean: float, upper: float
) -> None:
    photo = tf.constant([3000, 4000])
    seeds = tf.stack([tf.zeros([3000], tf.int64), tf.range(3000, dtype=tf.int64)], axis=1)

    @tf.function
    def drawn() -> tf.Tensor:
        return tf.map_fn(
            lambda seed: sample_crop(photo, seed, strength=strength),
            seeds,
            fn_output_signature=tf.TensorSpec([4], tf.int32),
        )

    crops = drawn().numpy()
    zooms = 3000 / np.sqrt(crops[:, 2].astype(float) * crops[:, 3])
    assert np.median(zooms) == pytest.approx(median, rel=0.03)
    assert zooms.mean() == pytest.approx(mean, rel=0.03)
    assert np.quantile(zooms, 0.9) == pytest.approx(upper, rel=0.06)


@pytest.mark.parametrize("side", [48, 54, 60])
def test_what_shrinks_is_antialiased(side: int) -> None:
    # Stripes a pixel wide: sampled, they would come out as coarse waves of full contrast.
    stripes = np.zeros((side, side, 3), np.uint8)
    stripes[:, ::2] = 255

    small = resize_to_square(tf.constant(stripes), 32).numpy()

    assert small.shape == (32, 32, 3)
    sampled = tf.image.resize(stripes, [32, 32], method="bilinear").numpy()
    assert small.std() < 0.75 * sampled.std()


@pytest.mark.parametrize("size", [(32, 32), (20, 31), (31, 60), (64, 50)])
def test_whole_image_is_resized_without_moving(size: tuple[int, int]) -> None:
    y, x = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]), indexing="ij")
    ramp = (np.stack([x, y, x + y], axis=-1) * 120).astype(np.uint8)

    resized = resize_to_square(tf.constant(ramp), 32).numpy()

    expected = tf.image.resize(ramp, [32, 32], method="bilinear", antialias=True).numpy()
    assert np.abs(resized - expected).max() < 4


@pytest.mark.parametrize("draw", range(5))
def test_colours_move_as_brightness_contrast_and_saturation_one_after_the_other(draw: int) -> None:
    image = np.random.default_rng(draw).uniform(0, 255, (6, 5, 3)).astype(np.float32)
    seed = tf.constant([3, draw], tf.int64)

    moved = adjust_colour(tf.constant(image), seed, strength=0.8).numpy()

    b, c, s = tf.random.stateless_uniform([3], seed, 1 - 0.32, 1 + 0.32).numpy()
    expected = image * b
    expected = expected.mean() + (expected - expected.mean()) * c
    grey = expected @ np.array([[0.299], [0.587], [0.114]])
    expected = grey + (expected - grey) * s
    assert moved == pytest.approx(expected, abs=0.01)


def test_values_are_rounded_into_the_range_of_bytes() -> None:
    values = tf.constant([-3.0, -0.4, 0.4, 0.6, 127.49, 254.4, 254.6, 255.4, 300.0])

    assert to_uint8(values).numpy().tolist() == [0, 0, 0, 1, 127, 254, 255, 255, 255]
