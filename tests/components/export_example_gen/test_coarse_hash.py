from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from components.export_example_gen.coarse_hash import coarse_hash
from schemas.photo_hash import has_detail, perceptual_hash


def painted(seed: int, size: tuple[int, int]) -> Image.Image:
    blobs = np.random.default_rng(seed).integers(0, 256, (9, 12), np.uint8)
    return Image.fromarray(blobs).resize(size, Image.Resampling.BICUBIC)


@given(seed=st.integers(0, 2**32), width=st.integers(8, 260), height=st.integers(8, 260))
def test_hash_is_the_usual_one_give_or_take_a_rounded_pixel(
    seed: int, width: int, height: int
) -> None:
    photo = painted(seed, (width, height))

    assert (coarse_hash(photo) ^ perceptual_hash(photo)).bit_count() <= 4


def test_most_photos_have_the_very_hash() -> None:
    photos = [painted(seed, (125, 94)) for seed in range(200)]

    same = sum(coarse_hash(photo) == perceptual_hash(photo) for photo in photos)
    assert same > 170


@pytest.mark.parametrize("size", [(1, 1), (63, 47), (125, 94), (500, 3)])
@pytest.mark.parametrize("grey", [0, 77, 255])
def test_photo_of_one_colour_has_no_detail(size: tuple[int, int], grey: int) -> None:
    value = coarse_hash(Image.new("L", size, grey))

    assert value == (0 if grey == 0 else 1 << 63)
    assert not has_detail(np.array([value], np.uint64))[0]


def test_first_bit_is_the_mean() -> None:
    assert coarse_hash(painted(1, (90, 60))) >> 63 == 1
