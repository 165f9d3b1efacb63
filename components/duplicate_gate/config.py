"""Settings of the duplicate gate."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.settings import Settings


class DuplicateSettings(Settings):
    """How many photos may stand in two splits, the same or nearly the same."""

    max_distance: int = Field(4, ge=0, le=8)
    """Photos whose perceptual hashes differ in at most so many of 64 bits are near-duplicates."""

    max_share: float = Field(0.05, ge=0, le=1)
    """Largest share of a held-out split's photos with a near-duplicate of their taxon in train."""

    on_excess: Literal["fail", "warn"] = "fail"
    """Above max_share, stop the run before training (fail), or only say so (warn)."""
