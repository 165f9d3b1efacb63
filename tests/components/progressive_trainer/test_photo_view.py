from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_training import jpeg

from components.photo_decode import DCT_RATIOS, decode_covering, shrink_shorter_side
from components.progressive_trainer.augment import (
    ASPECT_DRAW,
    CROP_DRAWS,
    colour_moves,
    crop_aspect,
    move_colours,
    sample_crops,
)
from components.progressive_trainer.photo_view import (
    NO_COPY,
    EncodedPhotos,
    TrainingViews,
    resize_to_square,
    to_uint8,
)
from components.progressive_trainer.view_plan import PhotoSizes, plan_views, smallest_covering
from serving.preprocess import square


def augmented_photo(
    jpeg: tf.Tensor, seed: tf.Tensor, *, small: tf.Tensor | bytes = NO_COPY, **options: float
) -> tf.Tensor:
    """The view of one photo."""
    photos = EncodedPhotos.of(tf.stack([jpeg]), tf.stack([small]))
    views, seeds, rows = TrainingViews(**options), seed[tf.newaxis], tf.constant([0])
    return views.decoded(photos.jpegs, rows, seeds, views.plan(seeds, photos.sizes))[0]


def drawn_crops(height_width: tuple[int, int], draws: tf.Tensor, *, strength: float) -> tf.Tensor:
    """A crop for each row of draws."""
    aspects = tf.stack([crop_aspect(row[ASPECT_DRAW], strength=strength) for row in draws])
    sizes = tf.tile(tf.constant([height_width]), [len(draws), 1])
    return sample_crops(sizes, draws, aspects, strength=strength)


def sizes_of(photo: tf.Tensor, small: tf.Tensor | bytes) -> PhotoSizes:
    """As one row."""
    return EncodedPhotos.of(tf.stack([photo]), tf.stack([small])).sizes


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


@pytest.mark.parametrize("augment", [0.0, 0.7])
def test_transposition_is_drawn_by_itself(augment: float) -> None:
    data = tf.constant(jpeg(1, (60, 40)))

    def view(draw: int, transpose: float) -> np.ndarray:
        seed = tf.constant([9, draw], tf.int64)
        return augmented_photo(
            data, seed, image_size_px=32, augment=augment, transpose=transpose
        ).numpy()

    turned = 0
    for draw in range(24):
        straight, half = view(draw, 0.0), view(draw, 0.5)
        np.testing.assert_array_equal(view(draw, 1.0), straight.transpose(1, 0, 2))
        turned += not np.array_equal(half, straight)
        assert np.array_equal(half, straight) or np.array_equal(half, view(draw, 1.0))
    assert 4 < turned < 20


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
    draws = tf.random.stateless_uniform([3000, CROP_DRAWS], [0, 1])

    crops = drawn_crops((3000, 4000), draws, strength=strength).numpy()

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
    draws = np.random.default_rng(100 + draw).uniform(0, 1, 3).astype(np.float32)

    matrices, grey_shares = colour_moves(tf.constant(draws[np.newaxis]), strength=0.8)
    moved = move_colours(tf.constant(image), matrices[0], grey_shares[0]).numpy()

    b, c, s = 1 - 0.32 + 0.64 * draws
    expected = image * b
    expected = expected.mean() + (expected - expected.mean()) * c
    grey = expected @ np.array([[0.299], [0.587], [0.114]])
    expected = grey + (expected - grey) * s
    assert moved == pytest.approx(expected, abs=0.01)


def test_values_are_rounded_into_the_range_of_bytes() -> None:
    values = tf.constant([-3.0, -0.4, 0.4, 0.5, 0.6, 126.5, 127.49, 254.4, 254.6, 255.4, 300.0])

    assert to_uint8(values).numpy().tolist() == [0, 0, 0, 1, 1, 127, 127, 254, 255, 255, 255]


def photo_and_copy(height_width: tuple[int, int], small_px: int) -> tuple[tf.Tensor, tf.Tensor]:
    """A smooth photo, in which each place has a colour of its own, and its small copy."""
    y, x = np.meshgrid(*(np.linspace(0, 1, side) for side in height_width), indexing="ij")
    pixels = (np.stack([x, y, (1 - x) * y], axis=-1) * 250).astype(np.uint8)
    small = shrink_shorter_side(tf.constant(pixels), small_px)
    encode = functools.partial(tf.io.encode_jpeg, quality=95, chroma_downsampling=False)
    return encode(pixels), encode(small)


@pytest.mark.parametrize("augment", [0.3, 1.0])
@pytest.mark.parametrize("height_width", [(160, 213), (240, 160), (160, 160)])
def test_view_of_the_small_copy_is_the_photos(
    height_width: tuple[int, int], augment: float
) -> None:
    photo, small = photo_and_copy(height_width, 80)

    for draw in range(15):
        seed = tf.constant([4, draw], tf.int64)
        options = {"image_size_px": 64, "augment": augment}
        without = augmented_photo(photo, seed, **options).numpy().astype(float)
        view = augmented_photo(photo, seed, small=small, **options).numpy()
        # A pixel is 250 / 80 levels, in the copy as in the photo at half size, and a crop begins
        # and ends at a whole one in each; brightness and contrast may add a quarter.
        assert np.abs(view - without).max() <= 10
        assert np.abs(view - without).mean() <= 3


@pytest.mark.parametrize("height_width", [(160, 213), (240, 160), (160, 160)])
def test_crop_of_the_small_copy_lies_where_it_was_drawn(height_width: tuple[int, int]) -> None:
    photo, small = photo_and_copy(height_width, 80)
    pixels = tf.io.decode_jpeg(photo)

    for draw in range(15):
        draws = tf.random.stateless_uniform([1, CROP_DRAWS], [4, draw])
        (top, left, height, width) = drawn_crops(height_width, draws, strength=0.3)[0].numpy()
        whole = pixels[top : top + height, left : left + width]
        expected = tf.image.resize(whole, [64, 64], antialias=True).numpy()
        seen = still_view(photo, small, draw, 64, strength=0.3)
        # Half a pixel of the copy is 1.6 levels.
        assert np.abs(seen - expected).mean() <= 1.6


def still_view(
    photo: tf.Tensor, small: tf.Tensor, draw: int, size_px: int, *, strength: float
) -> np.ndarray:
    """The view of the crop that `draw` draws, its colours as they are and not mirrored."""
    original = tf.random.stateless_uniform

    def draws(shape: list[int], seed: tf.Tensor) -> tf.Tensor:
        crop = original([1, CROP_DRAWS], [4, draw])[0]
        return tf.concat([crop, tf.fill([shape[0] - CROP_DRAWS], 0.5)], axis=0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.random, "stateless_uniform", draws)
        seed = tf.constant([4, draw], tf.int64)
        view = augmented_photo(photo, seed, small=small, image_size_px=size_px, augment=strength)
    return view.numpy().astype(float)


@settings(deadline=None, max_examples=60)
@given(
    height_width=st.tuples(st.integers(90, 140), st.integers(90, 140)),
    strength=st.sampled_from([0.2, 0.6, 1.0]),
    size_px=st.sampled_from([16, 40, 64, 80]),
    draw=st.integers(0, 10_000),
)
def test_copy_is_taken_exactly_where_it_has_the_pixels_of_the_view(
    height_width: tuple[int, int], strength: float, size_px: int, draw: int
) -> None:
    photo, small = photo_and_copy(height_width, 70)
    sizes = sizes_of(photo, small)
    crops = drawn_crops(
        height_width, tf.random.stateless_uniform([1, CROP_DRAWS], [draw, 3]), strength=strength
    )

    (from_copy,), (taken,), (source,) = smallest_covering(crops, sizes, size_px)

    top, left, height, width = taken.numpy().tolist()
    assert 0 <= top < top + height <= source[0]
    assert 0 <= left < left + width <= source[1]
    in_copy = crops[0].numpy() * np.tile(sizes.small[0].numpy() / np.array(height_width), 2)
    if from_copy:
        assert source.numpy().tolist() == sizes.small[0].numpy().tolist()
        assert min(height, width) >= size_px
        assert np.abs(taken.numpy() - in_copy)[:2].max() <= 0.51
        assert np.abs(taken.numpy() - in_copy)[2:].max() <= 1.01
    else:
        # Enlarged from the copy, a view would be blurred where the photo's is not.
        assert in_copy[2:].min() < size_px + 1.01
        assert source.numpy().tolist() == list(height_width)
        assert taken.numpy().tolist() == crops[0].numpy().tolist()


def test_photo_without_a_copy_is_read_itself() -> None:
    photo, _ = photo_and_copy((90, 120), 70)
    crops = tf.constant([[3, 4, 80, 85]])

    (from_copy,), (taken,), (source,) = smallest_covering(crops, sizes_of(photo, NO_COPY), 32)

    assert not from_copy
    assert source.numpy().tolist() == [90, 120]
    assert taken.numpy().tolist() == [3, 4, 80, 85]


def test_view_depends_on_nothing_that_it_is_planned_with() -> None:
    # Vectors of any length, and rows at any place in them: where one ends, a processor goes on
    # number by number, and may round in another way.
    seeds = tf.stack(
        [tf.fill([97], tf.constant(3, tf.int64)), tf.range(97, dtype=tf.int64)], axis=1
    )
    sizes = PhotoSizes(tf.fill([97, 2], 331), tf.fill([97, 2], 90))

    def plan(first: int, last: int) -> list[np.ndarray]:
        some = PhotoSizes(*(of[first:last] for of in sizes))
        planned = plan_views(seeds[first:last], some, image_size_px=64, augment=0.7)
        return [of.numpy() for of in planned]

    whole = plan(0, 97)
    assert {int(decode) // len(DCT_RATIOS) for decode in whole[0]} == {0, 1}
    for first, last in [(0, 1), (1, 2), (3, 35), (40, 57), (96, 97)]:
        for alone, among in zip(plan(first, last), whole, strict=True):
            np.testing.assert_array_equal(alone, among[first:last])


def test_view_of_evaluation_is_the_photos_own_whatever_copy_there_is() -> None:
    photo, _ = photo_and_copy((160, 213), 80)
    seed = tf.constant([1, 1], tf.int64)

    another = tf.io.encode_jpeg(tf.fill([80, 106, 3], tf.constant(128, tf.uint8)))
    view = augmented_photo(photo, seed, image_size_px=32, augment=0.0, small=another)

    assert (view == augmented_photo(photo, seed, image_size_px=32, augment=0.0)).numpy().all()


def test_views_are_mirrored_half_of_the_time() -> None:
    photo, _ = photo_and_copy((100, 100), 50)
    redder_on_the_left = 0
    for draw in range(80):
        seed = tf.constant([8, draw], tf.int64)
        view = augmented_photo(photo, seed, image_size_px=32, augment=0.3).numpy().astype(int)
        redder_on_the_left += view[:, :8, 0].mean() > view[:, -8:, 0].mean()

    assert 22 < redder_on_the_left < 58
