from __future__ import annotations

import io
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from schemas.photo_hash import has_detail, perceptual_hash

COPY_BITS = 4
"""What the duplicate gate takes for a copy by default."""


def scene(seed: int) -> Image.Image:
    """A smooth picture in colour: low frequencies of chance."""
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 256, (9, 12, 3), np.uint8))
    return small.resize((480, 360), Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue()))


def half(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": half,
    "encoded anew": lambda image: jpeg(image, 50),
    "half the size and encoded anew": lambda image: jpeg(half(image), 50),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
    "grey": lambda image: image.convert("L"),
}


def distance(one: Image.Image, other: Image.Image) -> int:
    return (perceptual_hash(one) ^ perceptual_hash(other)).bit_count()


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_copy_is_near(copy: Callable[[Image.Image], Image.Image]) -> None:
    assert max(distance(scene(seed), copy(scene(seed))) for seed in range(20)) <= COPY_BITS


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_real_photo_is_near(
    copy: Callable[[Image.Image], Image.Image], shared_data: Path
) -> None:
    paths = sorted((shared_data / "open-data-flora" / "photos").rglob("*.jpg"))[::5]
    photos = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in paths]

    assert max(distance(photo, copy(photo)) for photo in photos) <= COPY_BITS


def test_different_pictures_are_far_apart() -> None:
    scenes = [scene(seed) for seed in range(20)]

    assert min(distance(one, other) for one, other in combinations(scenes, 2)) > 8


def test_different_real_photos_of_one_taxon_are_far_apart(shared_data: Path) -> None:
    # The first 24 photos of the flora are of one species.
    paths = sorted((shared_data / "open-data-flora" / "photos").rglob("*.jpg"))[:24]
    photos = [Image.open(path).convert("RGB") for path in paths]

    assert min(distance(one, other) for one, other in combinations(photos, 2)) > 8


def test_a_mirrored_copy_is_not_found() -> None:
    assert distance(scene(1), ImageOps.mirror(scene(1))) > 16


def test_bits_are_those_of_imagehash_most_significant_first() -> None:
    assert f"{perceptual_hash(scene(3)):016x}" == str(imagehash.phash(scene(3)))


def test_photos_have_half_of_the_bits_set_and_detail() -> None:
    hashes = np.array([perceptual_hash(scene(seed)) for seed in range(5)], np.uint64)

    assert np.bitwise_count(hashes).tolist() == [32] * 5
    assert has_detail(hashes).all()


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (300, 200)),
        Image.new("RGB", (300, 200), "white"),
        Image.new("L", (1, 1), 90),
        Image.linear_gradient("L"),
    ],
    ids=["black", "white", "one pixel", "gradient"],
)
def test_a_picture_of_nothing_has_no_detail(image: Image.Image) -> None:
    assert not has_detail(np.array([perceptual_hash(image)], np.uint64)).any()
