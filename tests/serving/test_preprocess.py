"""Server (TensorFlow) and client (Pillow) make the same pixels of a photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tiny_world import paint

from schemas.errors import DataError
from serving.preprocess import decode_photo, prepare_batch, prepare_file, square

TOLERANCE = 0.01
"""Largest difference of a pixel value, of 255. Measured: 0.002."""


def server_pixels(path: Path, size_px: int) -> np.ndarray:
    return prepare_batch(tf.constant([path.read_bytes()]), size_px)[0].numpy()


@pytest.mark.parametrize(("width", "height"), [(500, 375), (333, 500), (41, 30), (1, 1), (9, 700)])
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".jpg", {"quality": 90}),
        (".jpg", {"quality": 60, "subsampling": 2, "progressive": True}),
        (".png", {}),
        (".gif", {}),
    ],
)
def test_parity(
    tmp_path: Path, width: int, height: int, suffix: str, options: dict[str, int]
) -> None:
    path = tmp_path / f"photo{suffix}"
    paint(width, height).save(path, **options)

    client, server = prepare_file(path, 96), server_pixels(path, 96)

    assert client.shape == server.shape == (96, 96, 3)
    assert client.dtype == server.dtype == np.float32
    np.testing.assert_allclose(client, server, atol=TOLERANCE)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16"])
def test_parity_of_colour_modes(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "photo.png"
    if mode == "I;16":
        grey = np.random.default_rng(0).integers(0, 65536, (40, 50)).astype(np.uint16)
        Image.fromarray(grey).save(path)
    else:
        paint(50, 40).convert(mode).save(path)

    np.testing.assert_allclose(prepare_file(path, 32), server_pixels(path, 32), atol=TOLERANCE)


def test_client_reads_cmyk_as_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (20, 20), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=95)

    pixels = prepare_file(tmp_path / "red.jpg", 8)

    np.testing.assert_allclose(pixels[4, 4], [255, 0, 0], atol=6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_client_turns_upright_what_the_server_leaves(tmp_path: Path, orientation: int) -> None:
    stored = paint(60, 60)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "tagged.png", exif=exif)
    transpose = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    upright = stored.transpose(transpose[orientation]) if orientation > 1 else stored
    upright.save(tmp_path / "upright.png")
    stored.save(tmp_path / "stored.png")

    tagged = tmp_path / "tagged.png"
    np.testing.assert_array_equal(
        prepare_file(tagged, 30), prepare_file(tmp_path / "upright.png", 30)
    )
    np.testing.assert_array_equal(
        server_pixels(tagged, 30), server_pixels(tmp_path / "stored.png", 30)
    )


def test_square_is_the_centre_of_the_full_shorter_side() -> None:
    image = np.zeros((4, 10, 3), np.uint8)
    image[:, 3:7] = 200

    np.testing.assert_array_equal(square(tf.constant(image), 4), np.full((4, 4, 3), 200.0))


@pytest.mark.parametrize("side", [1, 31, 96])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_photo_of_the_right_size_is_what_the_filter_makes_of_it(side: int, dtype: type) -> None:
    pixels = np.random.default_rng(side).uniform(0, 255, (side + 9, side, 3)).astype(dtype)

    cut = square(tf.constant(pixels), side).numpy()

    middle = pixels[4 : 4 + side]
    filtered = tf.image.resize(middle, [side, side], method="bilinear", antialias=True).numpy()
    np.testing.assert_array_equal(cut, filtered)


def test_reduction_is_antialiased() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 254

    reduced = square(tf.constant(stripes), 8).numpy()

    np.testing.assert_allclose(reduced[:, 1:-1], 127, atol=5)


def test_upscaled_values_stay_in_range(tmp_path: Path) -> None:
    paint(7, 5).save(tmp_path / "small.png")

    pixels = prepare_file(tmp_path / "small.png", 50)

    assert 0 <= pixels.min() < pixels.max() <= 255


def test_decode_takes_the_first_picture_of_an_animation(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    first.save(tmp_path / "two.gif", save_all=True, append_images=[second])

    decoded = decode_photo(tf.constant((tmp_path / "two.gif").read_bytes()))

    assert decoded.dtype == tf.uint8
    np.testing.assert_array_equal(decoded[0, 0], [255, 0, 0])


def test_empty_batch() -> None:
    assert prepare_batch(tf.constant([], tf.string), 16).shape == (0, 16, 16, 3)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0 no jpeg", b"no photo"])
def test_server_refuses_what_is_no_photo(content: bytes) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        prepare_batch(tf.constant([content]), 16)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as a photo: cannot identify image file"),
        (b"no photo", "cannot be read as a photo: cannot identify image file"),
    ],
)
def test_client_names_the_file_that_is_no_photo(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(content)

    with pytest.raises(
        DataError, match=f"{path}: {message}.*Give a whole JPEG, PNG, GIF or WebP photo"
    ):
        prepare_file(path, 16)


def test_client_names_the_half_cut_file(tmp_path: Path, photo_path: Path) -> None:
    path = tmp_path / "half.jpg"
    path.write_bytes(photo_path.read_bytes()[: photo_path.stat().st_size // 2])

    with pytest.raises(DataError, match=r"half\.jpg: cannot be read as a photo: .*truncated"):
        prepare_file(path, 16)


def test_client_names_the_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.jpg: does not exist\. Check the path\."):
        prepare_file(tmp_path / "gone.jpg", 16)


def test_client_refuses_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paint(30, 30).save(tmp_path / "huge.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    with pytest.raises(DataError, match=r"huge\.png: has more pixels than the 200 that are safe"):
        prepare_file(tmp_path / "huge.png", 16)
