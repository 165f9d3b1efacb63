"""Which photos are selected from a table of observations.

Law: the settings say everything that decides which photos are chosen; the same settings on the
same tables give the same export, byte for byte.

    SelectionSettings(taxon="Coccinellidae", train_per_leaf=(20, 400), seed=1)
"""

from __future__ import annotations

import datetime
from typing import Literal

from pydantic import Field, field_validator, model_validator

from schemas.errors import did_you_mean
from schemas.settings import Settings

LICENSES = (
    "CC0",
    "PD",
    "CC-BY",
    "CC-BY-NC",
    "CC-BY-SA",
    "CC-BY-ND",
    "CC-BY-NC-SA",
    "CC-BY-NC-ND",
)
"""The codes of iNaturalist's licences, as its Open Data writes them."""

QualityGrade = Literal["research", "needs_id", "casual"]


class SelectionSettings(Settings):
    """How a table of observations becomes an export with leaves and splits."""

    taxon: int | str | None = None
    """Root of the export, by taxon id or scientific name; null takes every taxon."""

    quality_grades: tuple[QualityGrade, ...] = ("research",)
    """Quality grades of the observations taken."""

    licenses: tuple[str, ...] | None = None
    """Licence codes of the photos taken, such as CC-BY and CC0; null takes any, and none at all."""

    bounding_box: tuple[float, float, float, float] | None = None
    """South, west, north, east in degrees; west greater than east crosses the date line."""

    observed_from: datetime.date | None = None
    """Date of the earliest observation taken, YYYY-MM-DD; null has no limit."""

    observed_to: datetime.date | None = None
    """Date of the latest observation taken, YYYY-MM-DD; null has no limit."""

    train_per_leaf: tuple[int, int] = (50, 1000)
    """Least and most training photos of a leaf; a taxon with fewer rolls up to its parent."""

    val_per_leaf: tuple[int, int] = (25, 100)
    """Least and most validation photos of a leaf."""

    test_per_leaf: tuple[int, int] = (25, 100)
    """Least and most test photos of a leaf; 0 and 0 for no test split."""

    photos_per_observation: int = Field(5, ge=1, le=100)
    """Most training photos of one observation; validation and test take exactly 1."""

    split_unit: Literal["observation", "observer"] = "observation"
    """What never stands in two splits: an observation, or all observations of an observer."""

    seed: int = Field(0, ge=0, le=2**63 - 1)
    """Seed of the order in which observations are taken; another seed draws other photos."""

    exclude_taxa: tuple[int, ...] = ()
    """Ids of taxa that are left out with everything below them, for example extinct ones."""

    exclude_captive: bool = True
    """Whether captive and cultivated organisms are left out, where the source knows of them."""

    @field_validator("quality_grades")
    @classmethod
    def _some_grade(cls, given: tuple[QualityGrade, ...]) -> tuple[QualityGrade, ...]:
        if not given:
            raise ValueError("must name one of research, needs_id and casual")
        return given

    @field_validator("licenses")
    @classmethod
    def _known_licenses(cls, given: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if given is None:
            return None
        if not given:
            raise ValueError("must name a licence, or be null for any")
        codes = tuple(dict.fromkeys(code.strip().upper() for code in given))
        for code in codes:
            if code not in LICENSES:
                raise ValueError(
                    f"unknown licence {code!r}.{did_you_mean(code, LICENSES)} "
                    f"Allowed: {', '.join(LICENSES)}"
                )
        return codes

    @field_validator("bounding_box")
    @classmethod
    def _on_the_globe(
        cls, box: tuple[float, float, float, float] | None
    ) -> tuple[float, float, float, float] | None:
        if box is None:
            return None
        south, west, north, east = box
        if not -90 <= south <= north <= 90:
            raise ValueError("south and north must be -90..90 degrees, south not above north")
        if not (-180 <= west <= 180 and -180 <= east <= 180):
            raise ValueError("west and east must be -180..180 degrees")
        return box

    @field_validator("train_per_leaf", "val_per_leaf")
    @classmethod
    def _at_least_one(cls, limits: tuple[int, int]) -> tuple[int, int]:
        return _least_and_most(limits, floor=1)

    @field_validator("test_per_leaf")
    @classmethod
    def _at_least_none(cls, limits: tuple[int, int]) -> tuple[int, int]:
        return _least_and_most(limits, floor=0)

    @field_validator("exclude_taxa", "quality_grades")
    @classmethod
    def _each_once(cls, given: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(dict.fromkeys(given))

    @model_validator(mode="after")
    def _dates_in_order(self) -> SelectionSettings:
        first, last = self.observed_from, self.observed_to
        if first is not None and last is not None and first > last:
            raise ValueError(f"observed_from {first} is after observed_to {last}")
        return self


def _least_and_most(limits: tuple[int, int], *, floor: int) -> tuple[int, int]:
    least, most = limits
    if not floor <= least <= most:
        raise ValueError(
            f"must be the least and the most photos, {floor} <= least <= most, such as [50, 1000]"
        )
    return limits
