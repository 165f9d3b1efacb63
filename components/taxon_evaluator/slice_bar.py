"""Settings of a bar that a model must reach on a slice, or on every slice of a family."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from schemas.settings import Settings

EVERY_SLICE = "*"


class SliceBar(Settings):
    """A bar on any metric of any slice, such as top-1 of birds, or of every leaf."""

    family: str
    """Family of slices: `overall`, `leaf`, one of `evaluation.ranks`, `train_photos`, `license`,
    `year`, `cell` or `observer`."""

    slice: str = EVERY_SLICE
    """Name of the slice (of a taxon its scientific name or its taxon id), or `*`: every slice."""

    metric: str
    """One of the metrics of `metrics.parquet`."""

    at_least: float | None = None
    """Value that the metric must reach; give this or `at_most`."""

    at_most: float | None = None
    """Value that the metric must not be above."""

    min_photos: int = Field(1, ge=1)
    """Smallest `n` (photos of the slice, or what else the metric is taken over) that is judged; a
    slice with less counts as absent."""

    passes_if: Literal["value", "any_of_interval", "all_of_interval"] = "value"
    """What must reach the bar: the `value`; `any_of_interval`: its interval's better end, so that
    only what is beyond chance misses; `all_of_interval`: the worse end, so that only what is sure
    passes."""

    max_missed: int = Field(0, ge=0)
    """With `*`: slices that may miss the bar, at most."""

    if_absent: Literal["fail", "pass"] = "fail"
    """What becomes of the bar where the evaluation has no such slice."""

    @model_validator(mode="after")
    def _one_side(self) -> SliceBar:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a bar takes at_least or at_most, and only one of them")
        if self.max_missed and self.slice != EVERY_SLICE:
            raise ValueError("max_missed is for bars on every slice (slice: '*')")
        return self

    @property
    def threshold(self) -> float:
        """The value on the bar."""
        return float(self.at_least if self.at_least is not None else self.at_most or 0.0)

    @property
    def side(self) -> str:
        """Where a value is that misses the bar: below or above it."""
        return "below" if self.at_least is not None else "above"
