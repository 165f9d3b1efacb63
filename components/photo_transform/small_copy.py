"""How large the small copy of a photo is, which early stages read in place of the photo.

A stage much smaller than the stored photos spends most of its reading on the entropy coding of
pixels that it then averages away. A second JPEG, just large enough for the smallest stage's crops,
takes a third of the time to decode. The law: it is written only where it is worth its place on
disk, and `small_copy_px` says so before anything is decoded.

    small_copy_px(TransformSettings(), stored_size_px=299, smallest_stage_px=100)  # 125
    small_copy_px(TransformSettings(), stored_size_px=128, smallest_stage_px=128)  # 0: none
"""

from __future__ import annotations

from components.photo_transform.config import TransformSettings
from schemas.errors import ConfigError

NO_COPY_PX = 0
"""Size that stands for no small copy."""

CROP_MARGIN = 1.25
"""Side of the small copy over the smallest stage's: all crops at `augment` 0.3 are covered."""

LARGEST_SHARE = 0.6
"""Of the stored size. A larger copy takes over a third of the photo's bytes and saves little."""


def small_copy_px(
    settings: TransformSettings, *, stored_size_px: int, smallest_stage_px: int
) -> int:
    """Returns the shorter side of the small copy in pixels, or NO_COPY_PX.

    Args:
        settings: of Transform; `small_size_px`, if given, is taken as it is.
        stored_size_px: largest shorter side of the stored photo.
        smallest_stage_px: smallest image size of the schedule.

    Raises:
        ConfigError: if the size asked for is not below that of the photo.
    """
    if settings.small_size_px is None:
        size_px = round(CROP_MARGIN * smallest_stage_px)
        return size_px if size_px <= LARGEST_SHARE * stored_size_px else NO_COPY_PX
    if settings.small_size_px >= stored_size_px:
        raise ConfigError(
            f"transform.small_size_px must be below the stored size of {stored_size_px} px, or 0 "
            f"for no small copy. Received: {settings.small_size_px}."
        )
    return settings.small_size_px
