"""Settings of the MobileExporter."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from schemas.settings import Settings
from serving.variants import VARIANTS, Variant


class MobileExportSettings(Settings):
    """What the phone gets."""

    variants: tuple[Variant, ...] = Field(VARIANTS, min_length=1)
    """Forms to convert the model to: float32, float16, dynamic_range_int8, full_int8; with a head
    of rank 256, fact256_float16 and fact256_dynamic_range_int8 (or another rank)."""

    model_name: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9._-]*$")
    """Model's name in that of the bundle, fieldmark-<model>-<version>; null: the pipeline's."""

    version: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9._]*$")
    """Version in the bundle's name; null: the beginning of the model's id."""

    representative_split: str = "val"
    """Split whose photos full_int8 is quantised by."""

    representative_photos: int = Field(200, ge=1)
    """How many of its photos; the taxa take turns."""

    representative_seed: int = Field(1, ge=0)
    """Seed of their draw."""

    synonyms: str | None = None
    """Table of taxa that changed since training, iNaturalist's synonyms.csv, to put in."""

    geo_thresholds: str | None = None
    """Table of geo thresholds (columns taxon_id, thres) that belongs to a geo model; null: the
    column stays empty."""

    credits: str | None = Field(None, pattern=r"^https?://\S+$")
    """Address where the credits of each training photo are published, for the model card;
    `fieldmark attribution` writes them."""

    max_credits_megabytes: float = Field(5.0, ge=0)
    """Size of the bundle's credits.csv.gz (creators, licences, photos) at most, in millions of
    bytes; a larger one is left out, and said to be. 0: never put in."""

    @property
    def named_files(self) -> dict[str, str]:
        """The paths of what is put in from outside, by setting."""
        given = {
            "mobile_export.synonyms": self.synonyms,
            "mobile_export.geo_thresholds": self.geo_thresholds,
        }
        return {setting: path for setting, path in given.items() if path is not None}

    @model_validator(mode="after")
    def _check_variants(self) -> Self:
        if len(set(self.variants)) < len(self.variants):
            raise ValueError(f"variants must differ from one another: {', '.join(self.variants)}")
        return self
