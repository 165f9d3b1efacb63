"""Settings of the MobileValidator."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.settings import Settings
from serving.variants import Variant, form_of

LEAVE_OUT = "leave_out"


class MobileValidationSettings(Settings):
    """How near the phone's answers must be to the server's, how small, and how fast."""

    split: str = "val"
    """Split of the transformed photos to compare on."""

    max_photos: int | None = Field(2000, ge=1)
    """Photos to compare at most; null for all of the split."""

    min_top1_agreement: float = Field(0.97, ge=0, le=1)
    """Share of photos, 0..1, on which a float variant names the server's first leaf, at least."""

    min_top1_agreement_int8: float = Field(0.95, ge=0, le=1)
    """The same for int8 variants and for those whose head was brought to a lower rank."""

    min_top5_agreement: float = Field(0.98, ge=0, le=1)
    """Share of photos, 0..1, on which the server's first leaf is among a variant's best five."""

    min_rollup_agreement: float = Field(0.9, ge=0, le=1)
    """Share of photos, 0..1, on which a variant rolls up to the server's taxon, at least."""

    max_accuracy_drop: float = Field(0.02, ge=0, le=1)
    """Server's accuracy minus a variant's, 0..1, at most."""

    max_score_error: float | None = Field(0.1, gt=0, le=1)
    """Largest difference of a float variant's score from the server's, 0..1; null: not asked."""

    max_broken_taxa: int | None = Field(None, ge=0)
    """Taxa that a variant may name worse than the server does, beyond chance; null: any number."""

    broken_taxa_alpha: float = Field(0.05, gt=0, lt=1)
    """Share of such taxa that may be chance all the same, 0..1."""

    input_px: int | None = Field(None, ge=1)
    """Side of the square that the models must take; 299 for iNaturalist's apps; null: any."""

    max_megabytes: float | None = Field(None, gt=0)
    """Size of a variant's file at most, in millions of bytes; null: any size."""

    latency_runs: int = Field(20, ge=0)
    """Photos that each variant is timed on, by number of threads; 0: not timed."""

    latency_threads: tuple[int, ...] = Field((1, 2), min_length=1)
    """Numbers of threads to time with."""

    max_latency_ratio: float | None = Field(None, gt=0)
    """A variant's median time to float32's, at most, at every number of threads; null: any."""

    max_p95_latency_ratio: float | None = Field(None, gt=0)
    """The same of the time that 19 of 20 photos keep to, the 95th percentile; null: any."""

    max_latency_ms: float | None = Field(None, gt=0)
    """A variant's median time at most, in milliseconds on the machine that validates; null: any."""

    convention_photos: int = Field(200, ge=0)
    """Photos that other clients' preprocessing is measured on; 0: not measured."""

    failing_variants: Literal["leave_out", "refuse"] = "leave_out"
    """A variant that misses a bar is left out of the bundle, or the whole bundle is refused."""

    default_variant: Variant | None = None
    """The variant that an app should take; null: the smallest that passes."""

    def min_agreement_of(self, variant: str) -> float:
        """Returns the bar of top-1 agreement for a variant."""
        lossy = is_lossy(variant)
        return self.min_top1_agreement_int8 if lossy else self.min_top1_agreement


def is_lossy(variant: str) -> bool:
    """Returns whether a variant's scores are meant to differ: int8, or a head of lower rank."""
    form = form_of(variant)
    return "int8" in form.weights or form.head_rank is not None
