"""Settings of the Evaluator."""

from __future__ import annotations

from pydantic import Field

from schemas.settings import Settings


class EvaluationSettings(Settings):
    """What a model must reach to be blessed."""

    splits: tuple[str, ...] = Field(("val",), min_length=1)
    """Splits that it is evaluated on."""

    min_top1: float = Field(0.5, ge=0, le=1)
    """Top-1 accuracy over all photos that earns the blessing, 0..1, at least."""

    max_top1_drop: float = Field(0.01, ge=0, le=1)
    """Top-1 may be lower than the last blessed model's on the same photos by less than this."""
