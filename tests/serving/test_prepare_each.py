"""In the graph, each photo is decoded on its own, and a bad one has a reason."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tiny_world import paint

from schemas.errors import DataError
from serving.photo_kinds import NO_BYTES, NO_PHOTO
from serving.prepare_each import NOT_WHOLE, prepare_each
from serving.prepare_file import prepare_bytes
from serving.preprocess import prepare_batch

SIZE_PX = 24


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def in_a_graph(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return prepare_each(encoded, SIZE_PX)


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


JPEG = encode(paint(60, 40), "JPEG", quality=90)
PNG = encode(paint(60, 40), "PNG")
GIF = encode(paint(60, 40), "GIF")
BMP = encode(paint(60, 40), "BMP")
PALETTE_BMP = encode(paint(60, 40).quantize(16), "BMP")
JPEG_XL = b"\xff\x0a\xfa\x1f\x01\x91\x08\x06"
WEBP = encode(paint(60, 40), "WEBP", lossless=True)
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"


def reason_of(content: bytes) -> str:
    pixels, error = in_a_graph(tf.constant([content]))
    reason = error[0].numpy().decode()
    if reason:
        assert not pixels.numpy().any()
    return reason


def test_good_photos_are_as_prepared_together() -> None:
    photos = tf.constant([JPEG, PNG, GIF, WEBP])

    pixels, error = in_a_graph(photos)

    assert error.numpy().tolist() == [b""] * 4
    np.testing.assert_array_equal(pixels, prepare_batch(photos, SIZE_PX))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_is_read_with_and_without_transparency(mode: str) -> None:
    stored = encode(paint(60, 40).convert(mode), "WEBP", lossless=True)

    pixels, error = in_a_graph(tf.constant([stored, PNG]))

    assert error.numpy().tolist() == [b"", b""]
    np.testing.assert_array_equal(pixels[0], pixels[1])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", NO_BYTES),
        (b"\xff", NO_PHOTO),
        (b"<!DOCTYPE html><html></html>", NO_PHOTO),
        (HEIC, NO_PHOTO),
        (BMP, NO_PHOTO),
        (PALETTE_BMP, NO_PHOTO),
        (JPEG_XL, NO_PHOTO),
        (b"\xff\xd8", NOT_WHOLE),
        (b"\xff\xd8\xff\xe0 no jpeg", NOT_WHOLE),
        (JPEG[: len(JPEG) // 2], NOT_WHOLE),
        (PNG[: len(PNG) // 2], NOT_WHOLE),
        (GIF[:40], NOT_WHOLE),
        (WEBP[: len(WEBP) // 2], NOT_WHOLE),
        (b"RIFF", NO_PHOTO),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", NO_PHOTO),
        (b"RIFF\x24\x00\x00\x00WEBP", NOT_WHOLE),
    ],
)
def test_bad_bytes_have_a_reason(content: bytes, reason: str) -> None:
    assert reason_of(content) == reason


@pytest.mark.parametrize("content", [BMP, PALETTE_BMP, JPEG_XL])
def test_a_client_refuses_the_formats_that_the_graph_refuses(content: bytes) -> None:
    with pytest.raises(DataError, match="cannot identify image file"):
        prepare_bytes(content, SIZE_PX, name="photo", max_pixels=10_000)


def test_a_good_photo_stands_unharmed_among_bad_ones() -> None:
    bad = [b"", b"<html>", JPEG[:200], b"\x00" * 1000]

    pixels, error = in_a_graph(tf.constant([*bad, JPEG, *bad]))

    assert [reason == b"" for reason in error.numpy()] == [False] * 4 + [True] + [False] * 4
    np.testing.assert_array_equal(pixels[4], prepare_batch(tf.constant([JPEG]), SIZE_PX)[0])


def test_no_photo_at_all() -> None:
    pixels, error = in_a_graph(tf.constant([], tf.string))

    assert pixels.shape == (0, SIZE_PX, SIZE_PX, 3)
    assert error.shape == (0,)
