from __future__ import annotations

import re

import pytest

from components.photo_transform.config import TransformSettings
from components.photo_transform.small_copy import NO_COPY_PX, small_copy_px
from schemas.errors import ConfigError


@pytest.mark.parametrize(
    ("stored", "smallest", "expected"),
    [
        (299, 100, 125),
        (288, 128, 160),
        (480, 128, 160),
        # It would be nearly as large as the photo.
        (128, 64, NO_COPY_PX),
        (224, 224, NO_COPY_PX),
    ],
)
def test_copy_is_a_quarter_larger_than_the_smallest_stage_if_worth_its_place(
    stored: int, smallest: int, expected: int
) -> None:
    size = small_copy_px(TransformSettings(), stored_size_px=stored, smallest_stage_px=smallest)

    assert size == expected


@pytest.mark.parametrize("asked", [0, 96, 298])
def test_size_that_was_asked_for_is_taken(asked: int) -> None:
    settings = TransformSettings(small_size_px=asked)

    assert small_copy_px(settings, stored_size_px=299, smallest_stage_px=100) == asked


def test_copy_as_large_as_the_photo_is_refused() -> None:
    told = re.escape(
        "transform.small_size_px must be below the stored size of 128 px, or 0 for no small copy. "
        "Received: 128."
    )
    with pytest.raises(ConfigError, match=told):
        small_copy_px(
            TransformSettings(small_size_px=128), stored_size_px=128, smallest_stage_px=64
        )
