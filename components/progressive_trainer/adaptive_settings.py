"""Settings of stages that end early or go on."""

from __future__ import annotations

from pydantic import Field

from schemas.settings import Settings


class AdaptiveSettings(Settings):
    """When a stage may end early or go on beyond its plan: see docs/progressive.md."""

    shortest_share: float = Field(0.5, gt=0, le=1)
    """A stage runs for at least this share of its planned epochs, 0..1."""

    longest_share: float = Field(1.5, ge=1, le=10)
    """A stage runs for at most this multiple of its planned epochs."""

    window_epochs: int = Field(3, ge=2, le=20)
    """Validations of a stage over which its gain is measured; before, nothing is decided."""

    min_gain_per_epoch: float = Field(0.0005, ge=0, le=1)
    """Gain of val top-1 in an epoch below which a stage does not pay, whatever it costs, 0..1."""

    standard_errors: float = Field(1.0, ge=0, le=5)
    """The plan is left only if the gain differs from what it should be by so many of its
    standard errors."""
