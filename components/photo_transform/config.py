"""Settings of Transform."""

from __future__ import annotations

from pydantic import Field

from schemas.settings import Settings


class TransformSettings(Settings):
    """How photos are stored between Transform and training."""

    stored_size_px: int | None = Field(None, ge=32)
    """Largest shorter side kept, in pixels. Default: the largest image size of the schedule."""

    jpeg_quality: int = Field(92, ge=50, le=100)
    """JPEG quality of the stored photos, 50..100."""
