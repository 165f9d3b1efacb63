"""Place and date of an image of the 2021 competition.

They are missing (null, empty, NaN) for many images, and absurd for a few: a latitude of a million,
a date of zeros. Neither is a fault, for the photo is sound: the value counts as unknown, and
`PlaceCounts` says how often. `location_uncertainty` is not read.

    place_of({"latitude": 51.5, "longitude": -2.1, "date": "2019-07-15 21:12:02+00:00"})
    # ImagePlace(latitude=51.5, longitude=-2.1, observed_on='2019-07-15', is_absurd=False)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from schemas.row_cells import RowFault, optional_date


class ImagePlace(NamedTuple):
    """Where and when an image was taken.

    Attributes:
        latitude: degrees north, -90..90; None if unknown, and then the longitude is None too.
        longitude: degrees east, -180..180.
        observed_on: YYYY-MM-DD; None if unknown.
        is_absurd: whether anything was there that is no place or no date.
    """

    latitude: float | None
    longitude: float | None
    observed_on: str | None
    is_absurd: bool


NO_PLACE = ImagePlace(None, None, None, is_absurd=False)


@dataclass(frozen=True, slots=True)
class PlaceCounts:
    """How many images have a place.

    Attributes:
        known: with a latitude and a longitude.
        unknown: without.
        absurd: of both, those with something that is no place or no date.
    """

    known: int
    unknown: int
    absurd: int


def place_of(image: Mapping[str, Any]) -> ImagePlace:
    """Returns what an image says of its place; never raises."""
    latitude, is_latitude_absurd = _degrees(image.get("latitude"), 90.0)
    longitude, is_longitude_absurd = _degrees(image.get("longitude"), 180.0)
    observed_on, is_date_absurd = _date(image.get("date"))
    if latitude is None or longitude is None:
        latitude = longitude = None
    is_absurd = is_latitude_absurd or is_longitude_absurd or is_date_absurd
    return ImagePlace(latitude, longitude, observed_on, is_absurd)


def _degrees(value: object, limit: float) -> tuple[float | None, bool]:
    """Returns (degrees, whether something else was there)."""
    if value is None or value == "":
        return None, False
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None, True
    return (float(value), False) if -limit <= value <= limit else (None, True)


def _date(value: object) -> tuple[str | None, bool]:
    """Returns (day, whether something else was there)."""
    if value is None or value == "":
        return None, False
    if not isinstance(value, str):
        return None, True
    try:
        return optional_date({"date": value}, "date"), False
    except RowFault:
        return None, True
