"""Settings of the MobileExporter."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from schemas.settings import Settings
from serving.variants import DEFAULT_VARIANT, VARIANTS, Variant


class MobileExportSettings(Settings):
    """What the phone gets."""

    variants: tuple[Variant, ...] = Field(VARIANTS, min_length=1)
    """Forms to convert the model to: float32, float16, dynamic_range_int8."""

    default_variant: Variant = DEFAULT_VARIANT
    """The form that an app should take; one of `variants`."""

    @model_validator(mode="after")
    def _check_variants(self) -> Self:
        if len(set(self.variants)) < len(self.variants):
            raise ValueError(f"variants must differ from one another: {', '.join(self.variants)}")
        if self.default_variant not in self.variants:
            raise ValueError(
                f"default_variant must be one of variants ({', '.join(self.variants)}), "
                f"not {self.default_variant}"
            )
        return self
