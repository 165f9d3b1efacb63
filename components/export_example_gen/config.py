"""Settings of ExportExampleGen."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.settings import Settings


class ExportSettings(Settings):
    """How an export is read."""

    format: Literal[
        "auto", "vision", "competition", "open-data", "observations-csv", "darwin-core"
    ] = "auto"
    """What the export's files are. `auto` looks; the last three are tables of observations, from
    which an export is selected first."""

    photo_size: Literal["original", "large", "medium", "small", "thumb", "square"] = "medium"
    """iNaturalist's size to read where several lie on disk (medium: 500 px on the long edge)."""

    on_leak: Literal["resolve", "fail"] = "resolve"
    """A photo or observation in two splits or under two leaves: keep one of them (the community's
    leaf first, then test before val before train) and list the others, or fail the run."""

    placeholder_copies: int = Field(10, ge=0)
    """One and the same picture under this many photo ids, each of another observation, is what
    servers send for removed photos: it is set aside, and does not count as unusable. 0 looks for
    none."""

    max_unusable_share: float = Field(0.01, ge=0, le=1)
    """The run fails if a larger share of a split's photos is missing or cannot be read, 0..1."""

    max_megapixels: float = Field(50.0, gt=0)
    """A photo with more pixels is set aside before it is decoded, in millions of pixels."""

    photos_per_file: int = Field(2000, ge=1)
    """Records per TFRecord file, about; sets how finely the work is divided."""

    decode_threads: int = Field(4, ge=1, le=64)
    """Photos read and checked at a time by each Beam worker."""
