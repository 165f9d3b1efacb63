"""What each client does to a photo, on pictures small enough to work out by hand."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tiny_world import paint

from serving.preprocess import prepare_batch
from serving.preprocess_spec import CONVENTIONS, OURS, Preprocessing, as_client


@pytest.mark.parametrize(("width", "height"), [(120, 90), (33, 50), (30, 30)])
def test_ours_is_what_the_server_does(width: int, height: int) -> None:
    photo = paint(width, height)
    encoded = io.BytesIO()
    photo.save(encoded, "PNG")

    server = prepare_batch(tf.constant([encoded.getvalue()]), 48)[0].numpy()

    np.testing.assert_allclose(as_client(photo, 48, OURS), server, atol=0.01)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_every_convention_gives_a_square_in_range(name: str) -> None:
    pixels = as_client(paint(70, 50), 32, CONVENTIONS[name].spec)

    assert (pixels.shape, pixels.dtype) == ((32, 32, 3), np.float32)
    assert pixels.min() >= 0
    assert pixels.max() <= 255


def test_android_sees_ios_mirrored_along_the_diagonal() -> None:
    photo = paint(70, 50)

    ios, android = (as_client(photo, 32, CONVENTIONS[name].spec) for name in ("ios", "android"))

    np.testing.assert_array_equal(android, ios.transpose(1, 0, 2))
    assert not np.array_equal(android, ios)
    np.testing.assert_array_equal(ios, np.rint(ios))


def columns(width: int, height: int) -> Image.Image:
    """A photo whose pixels say their column."""
    values = np.repeat(np.arange(width)[None, :, None], height, 0).repeat(3, 2)
    return Image.fromarray(values.astype(np.uint8))


def test_the_square_is_cut_and_the_rectangle_squeezed() -> None:
    photo = columns(16, 8)
    square = as_client(photo, 8, Preprocessing(resize="nearest"))
    squeezed = as_client(photo, 8, Preprocessing(resize="nearest", crop="centre rectangle"))

    assert square[0, :, 0].tolist() == list(range(4, 12))
    assert squeezed[0, :, 0].tolist() == list(range(0, 16, 2))


def test_the_ratio_is_of_the_shorter_side() -> None:
    pixels = as_client(columns(32, 16), 14, Preprocessing(resize="nearest", crop_ratio=0.875))

    assert pixels[0, :, 0].tolist() == list(range(9, 23))


@pytest.mark.parametrize(("width", "height"), [(500, 375), (375, 500), (90, 70), (400, 400)])
def test_inaturalists_server_resizes_the_shorter_side_by_area_and_then_cuts(
    width: int, height: int
) -> None:
    """With TensorFlow, as it does. What remains, 0.02 of 255, is TensorFlow's: it counts the edges
    of its boxes in float32; cv2 and a sum over the boxes by hand agree to the last digits."""
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
    shorter = round(299 / 0.875)
    sides = [round(side * 299 / 0.875 / min(width, height)) for side in (height, width)]
    assert min(sides) == shorter == 342

    resized = tf.image.resize(np.asarray(photo, np.float32), sides, method="area")
    expected = tf.image.resize_with_crop_or_pad(resized, 299, 299).numpy()

    pixels = as_client(photo, 299, CONVENTIONS["server"].spec)
    np.testing.assert_allclose(pixels, expected, atol=0.02)


def test_cutting_first_is_another_picture() -> None:
    """By more than rounding: the grid of boxes lies elsewhere."""
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 256, (375, 500, 3), np.uint8))
    spec = CONVENTIONS["server"].spec

    after = as_client(photo, 299, spec)
    before = as_client(photo, 299, spec.model_copy(update={"crop": "centre square"}))

    assert np.abs(after - before).mean() > 5


def test_without_antialiasing_every_other_stripe_is_lost() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, 0::4] = stripes[:, 1::4] = 254

    plain = as_client(Image.fromarray(stripes), 16, Preprocessing(antialias=False))
    smooth = as_client(Image.fromarray(stripes), 16, OURS)

    assert np.ptp(smooth[:, 1:-1]) < 1
    assert set(np.unique(plain)) <= {0.0, 127.0, 254.0}


def test_range_is_applied_last() -> None:
    white = Image.new("RGB", (4, 4), "white")

    pixels = as_client(white, 2, Preprocessing(range=(-1.0, 1.0)))

    np.testing.assert_allclose(pixels, 1.0)
