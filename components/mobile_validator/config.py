"""Settings of the MobileValidator."""

from __future__ import annotations

from pydantic import Field

from schemas.settings import Settings


class MobileValidationSettings(Settings):
    """How near the phone's answers must be to the server's."""

    split: str = "val"
    """Split of the transformed photos to compare on."""

    max_photos: int | None = Field(2000, ge=1)
    """Photos to compare at most; null for all of the split."""

    min_top1_agreement: float = Field(0.97, ge=0, le=1)
    """Share of photos, 0..1, on which a float variant names the server's first leaf, at least."""

    min_top1_agreement_int8: float = Field(0.95, ge=0, le=1)
    """The same for the dynamic_range_int8 variant."""

    max_accuracy_drop: float = Field(0.02, ge=0, le=1)
    """Server's accuracy minus a variant's, 0..1, at most."""

    def min_agreement_of(self, variant: str) -> float:
        """Returns the bar of top-1 agreement for a variant."""
        int8 = variant == "dynamic_range_int8"
        return self.min_top1_agreement_int8 if int8 else self.min_top1_agreement
