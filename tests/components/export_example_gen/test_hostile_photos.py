from __future__ import annotations

import gc
from pathlib import Path

import imagehash
import numpy as np
import psutil
import pytest
import tensorflow as tf
from hostile_photos import MAX_PIXELS, Hostile, encoded, hostile_photos, scene, shown
from PIL import Image, ImageFile, ImageOps

from components.export_example_gen.photo_bytes import PhotoBytes, UnusablePhoto, check_photo

pytestmark = [
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin"),
]
PHOTOS = hostile_photos()
SOUND = {name: hostile for name, hostile in PHOTOS.items() if not hostile.reason}
UNUSABLE = {name: hostile for name, hostile in PHOTOS.items() if hostile.reason}
TOO_LARGE = ["12,000 x 12,000", "bomb of 12,000 x 12,000", "65,000 x 65,000"]
MAX_GROWTH_BYTES = 40_000_000


def check(hostile: Hostile) -> PhotoBytes:
    return check_photo(hostile.data, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("name", SOUND)
def test_photo_is_read_rightly(name: str) -> None:
    hostile = SOUND[name]
    photo = check(hostile)

    assert photo.orientation == hostile.orientation
    if not hostile.tolerance:
        assert photo.jpeg == hostile.data
    assert hostile.pixels is not None
    for decode in (shown, as_the_next_steps_do):
        pixels = decode(photo.jpeg)
        assert pixels.shape == hostile.pixels.shape
        difference = np.abs(pixels.astype(int) - hostile.pixels).mean()
        assert difference <= max(hostile.tolerance, 1)


def as_the_next_steps_do(jpeg: bytes) -> np.ndarray:
    return tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE").numpy()


@pytest.mark.parametrize("name", UNUSABLE)
def test_no_photo_is_set_aside_with_its_reason(name: str) -> None:
    with pytest.raises(UnusablePhoto) as caught:
        check(UNUSABLE[name])

    reason = UNUSABLE[name].reason
    text = str(caught.value)
    assert text.startswith(reason) if reason.endswith("(") else text == reason


@pytest.mark.parametrize("name", TOO_LARGE)
def test_photo_with_too_many_pixels_is_never_decoded(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: decoded.append("file"))
    monkeypatch.setattr(Image.Image, "load", lambda image: decoded.append("image"))

    with pytest.raises(UnusablePhoto):
        check(PHOTOS[name])

    assert decoded == []


@pytest.mark.parametrize("orientation", range(1, 9))
def test_hash_is_that_of_the_upright_photo(orientation: int) -> None:
    hostile = PHOTOS[f"EXIF orientation {orientation}"]
    stored = Image.fromarray(shown(hostile.data))
    exif = stored.getexif()
    exif[0x0112] = orientation
    upright = ImageOps.exif_transpose(stored)
    expected = int(str(imagehash.phash(upright)), 16)

    assert (check(hostile).phash ^ expected).bit_count() <= 4


def test_hash_hardly_differs_between_encodings_of_one_photo() -> None:
    # Of a picture with detail: the scene's gradients have frequencies at the very median.
    blobs = np.random.default_rng(3).integers(0, 256, (6, 8, 3), np.uint8)
    image = Image.fromarray(blobs).resize((400, 300), Image.Resampling.BICUBIC)
    files = [
        encoded(image, quality=90),
        encoded(image, quality=60, progressive=True),
        encoded(image.convert("L"), quality=90),
        encoded(image.convert("CMYK"), quality=90),
        encoded(image, "PNG"),
    ]
    hashes = [check(Hostile(data)).phash for data in files]

    assert all((value ^ hashes[0]).bit_count() <= 4 for value in hashes)
    mirrored = check(Hostile(encoded(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))).phash
    assert (mirrored ^ hashes[0]).bit_count() > 10


def test_going_over_all_of_them_again_and_again_takes_no_more_memory() -> None:
    def once() -> None:
        for hostile in PHOTOS.values():
            try:
                check(hostile)
            except UnusablePhoto:
                continue

    process = psutil.Process()
    for _ in range(2):
        once()
    gc.collect()
    before = process.memory_info().rss
    for _ in range(10):
        once()
    gc.collect()

    assert process.memory_info().rss - before < MAX_GROWTH_BYTES


def test_scene_has_no_symmetry(tmp_path: Path) -> None:
    # Otherwise a photo turned the wrong way would pass.
    pixels = np.asarray(scene((60, 60))).astype(int)
    turned = [np.rot90(view, quarter) for view in (pixels, pixels[:, ::-1]) for quarter in range(4)]
    for other in turned[1:]:
        assert np.abs(other - pixels).mean() > 10
