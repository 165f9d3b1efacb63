from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from components.photo_decode import (
    DCT_RATIOS,
    covering_ratio,
    decode_covering,
    decode_crop,
    scaled_crops,
    shrink_shorter_side,
    upright,
)


def gradient(width: int, height: int) -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, (x + y) / 2], axis=-1).astype(np.uint8))


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


@settings(deadline=None, max_examples=60)
@given(side=st.integers(1, 4000), wanted=st.integers(1, 1024))
def test_ratio_is_the_largest_that_leaves_enough_pixels(side: int, wanted: int) -> None:
    index, ratio = covering_ratio(tf.constant(side), wanted)

    sufficient = [r for r in DCT_RATIOS if side / r >= wanted]
    assert int(ratio) == (max(sufficient) if sufficient else 1)
    assert DCT_RATIOS[int(index)] == int(ratio)


@pytest.mark.parametrize("size", [(640, 480), (481, 640), (333, 257), (64, 64)])
@pytest.mark.parametrize("wanted", [32, 60, 61, 120, 300])
def test_decode_covers_what_was_asked_where_the_photo_does(
    size: tuple[int, int], wanted: int
) -> None:
    image = decode_covering(tf.constant(jpeg(gradient(*size))), wanted)

    shorter = min(image.shape[:2])
    assert shorter >= min(wanted, *size)
    # One scale smaller would not have been enough.
    assert shorter < 2 * wanted + 2 or shorter <= -(-min(size) // 8)


def test_scaled_decode_shows_the_same_picture() -> None:
    whole = gradient(640, 480)

    image = decode_covering(tf.constant(jpeg(whole)), 60).numpy()

    assert image.shape == (60, 80, 3)
    expected = np.asarray(whole.resize((80, 60), Image.Resampling.BOX), np.float32)
    assert np.abs(image - expected).mean() < 3


@pytest.mark.parametrize("wanted", [20, 55, 60, 100, 200])
@pytest.mark.parametrize("crop", [(0, 0, 480, 640), (100, 80, 240, 260), (361, 401, 119, 239)])
def test_part_is_decoded_no_larger_than_needed_and_from_its_place(
    crop: tuple[int, int, int, int], wanted: int
) -> None:
    whole = gradient(640, 480)

    (index,), (taken,) = scaled_crops(tf.constant([crop]), tf.constant([[480, 640]]), wanted)
    table = tf.constant([b"not this one", jpeg(whole)])
    part = decode_crop([table], tf.constant(1), index, taken).numpy()

    assert part.shape[:2] == tuple(taken[2:].numpy())
    top, left, height, width = crop
    shorter = min(height, width)
    assert min(wanted, shorter) - 1 <= min(part.shape[:2]) < max(2 * wanted + 2, shorter / 8 + 1)
    seen = np.asarray(whole, np.float32)[top : top + height, left : left + width]
    assert part.mean(axis=(0, 1)) == pytest.approx(seen.mean(axis=(0, 1)), abs=3)
    assert part[-1, -1] == pytest.approx(seen[-1, -1], abs=8)


@settings(deadline=None, max_examples=40)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    ends=st.tuples(*[st.floats(0, 1)] * 4),
    wanted=st.integers(1, 40),
)
def test_part_lies_within_what_is_decoded(
    size: tuple[int, int], ends: tuple[float, float, float, float], wanted: int
) -> None:
    height, width = size
    top, left = int(ends[0] * (height - 1)), int(ends[1] * (width - 1))
    crop = [top, left, 1 + int(ends[2] * (height - 1 - top)), 1 + int(ends[3] * (width - 1 - left))]

    (index,), (taken,) = scaled_crops(tf.constant([crop]), tf.constant([size]), wanted)
    part = decode_crop([tf.constant([jpeg(gradient(width, height))])], tf.constant(0), index, taken)

    assert part.shape[:2] == tuple(taken[2:].numpy())
    assert min(part.shape[:2]) >= 1


def test_greyscale_becomes_three_equal_channels() -> None:
    image = decode_covering(tf.constant(jpeg(gradient(90, 70).convert("L"))), 70).numpy()

    assert image.shape == (70, 90, 3)
    assert (image[..., 0] == image[..., 1]).all()
    assert (image[..., 0] == image[..., 2]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_is_what_viewers_show(orientation: int) -> None:
    stored = gradient(7, 5)
    exif = stored.getexif()
    exif[0x0112] = orientation
    with_exif = Image.open(io.BytesIO(_png(stored, exif)))

    turned = upright(tf.constant(np.asarray(stored)), tf.constant(orientation, tf.int64))

    assert (turned.numpy() == np.asarray(ImageOps.exif_transpose(with_exif))).all()


def _png(image: Image.Image, exif: Image.Exif) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [
        ((200, 100), 50, (100, 50)),
        ((100, 200), 50, (50, 100)),
        ((333, 100), 50, (166, 50)),
        ((60, 50), 50, (60, 50)),
        ((40, 30), 50, (40, 30)),
        ((5000, 2), 1, (2500, 1)),
    ],
)
def test_shorter_side_shrinks_to_size_and_never_grows(
    size: tuple[int, int], side: int, expected: tuple[int, int]
) -> None:
    pixels = np.asarray(gradient(*size))

    smaller = shrink_shorter_side(tf.constant(pixels), side).numpy()

    assert smaller.shape[1::-1] == expected
    assert smaller.dtype == np.uint8
    if expected == size:
        assert (smaller == pixels).all()


def test_shrunk_photo_keeps_its_colours() -> None:
    pixels = np.asarray(gradient(300, 200))

    smaller = shrink_shorter_side(tf.constant(pixels), 40).numpy()

    assert smaller.mean(axis=(0, 1)) == pytest.approx(pixels.mean(axis=(0, 1)), abs=1)
