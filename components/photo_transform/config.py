"""Settings of Transform."""

from __future__ import annotations

from pydantic import Field

from schemas.settings import Settings


class TransformSettings(Settings):
    """How photos are stored between Transform and training."""

    stored_size_px: int | None = Field(None, ge=32)
    """Largest shorter side kept, in pixels. Default: the largest image size of the schedule."""

    small_size_px: int | None = Field(None, ge=0)
    """Shorter side of a second, smaller JPEG for the early stages, in pixels; 0 for none. Default:
    1.25 times the smallest image size of the schedule, if at most 0.6 of the stored size."""

    jpeg_quality: int = Field(92, ge=50, le=100)
    """JPEG quality of the stored photos, 50..100; their small copies have 90."""
