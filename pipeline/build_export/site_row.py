"""One record of the observations CSV of iNaturalist's export page.

Law: pure; a cell that cannot be what its column says is a fault, an empty one is unknown.

    row = parse_site_row(cells)
    row.photo_id, row.extension, row.taxon_id      # 48124507, 'jpeg', 84481
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import NamedTuple

from pipeline.build_export.named_taxa import Path, path_of_names, rank_of_name
from schemas.competition_taxonomy import path_of_iconic_taxon
from schemas.ranks import LEVEL_OF_RANK
from schemas.row_cells import RowFault, integer, number, optional_date, optional_integer
from schemas.taxonomy_csv import LIFE_TAXON_ID

RANK_COLUMNS = {f"taxon_{rank}_name": rank for rank in LEVEL_OF_RANK}
"""Optional columns with the names of ranks, and the ranks."""

QUALITY_GRADES = ("research", "needs_id", "casual")

_PHOTO_URL = re.compile(r"(?P<store>.*/photos)/(?P<id>\d+)/\w+\.(?P<extension>\w+)(?:\?.*)?$")
_PLACEHOLDER_URL = re.compile(r"inaturalist\.org/(?:assets|attachment_defaults)/")
"""Pictures of the site itself, which it shows where a photo was removed or is not there yet."""


class SiteRow(NamedTuple):
    """A record with a photo.

    Attributes:
        observation_id: iNaturalist's number.
        observation_uuid: None if the export has no such column.
        taxon_id: None if the export has no such column, or nothing was identified.
        path: of the taxon; None if nothing was identified, or the export has no names.
        photo_id, extension, photo_url: of the first photo, the only one that the export names.
        license: of the observation; None for all rights reserved.
        Other attributes: as in `table_source`.
    """

    observation_id: int
    observation_uuid: str | None
    taxon_id: int | None
    path: Path | None
    quality_grade: str
    latitude: float | None
    longitude: float | None
    positional_accuracy: int | None
    observed_on: datetime.date | None
    photo_id: int
    extension: str
    photo_url: str
    license: str | None
    observer: str | None
    rights_holder: str | None
    captive: bool | None


def parse_site_row(cells: Mapping[str, str]) -> SiteRow | None:
    """Returns the row in a record, None if the observation has no photo.

    Raises:
        RowFault: naming the column.
    """
    observation_id = integer(cells, "id", least=1)
    url = cells["image_url"].strip()
    if not url or is_placeholder(url):
        return None
    photo = photo_of_url(url, "image_url")
    latitude, longitude = place_of(cells, "latitude", "longitude")
    taxon_id = optional_integer(cells, "taxon_id", least=1)
    return SiteRow(
        observation_id=observation_id,
        observation_uuid=cells.get("uuid") or None,
        taxon_id=taxon_id,
        path=_taxon_path(cells, taxon_id),
        quality_grade=_quality_grade(cells),
        latitude=latitude,
        longitude=longitude,
        positional_accuracy=_accuracy(cells),
        observed_on=date_of(cells, "observed_on"),
        photo_id=photo.photo_id,
        extension=photo.extension,
        photo_url=photo.url,
        license=cells.get("license", "").strip().upper() or None,
        observer=cells.get("user_login") or _user_id(cells),
        rights_holder=cells.get("user_name") or cells.get("user_login") or None,
        captive=_flag(cells, "captive_cultivated"),
    )


class PublishedPhoto(NamedTuple):
    """What the address of a photo says.

    Attributes:
        photo_id: iNaturalist's number.
        extension: in the case it has there.
        url: of the photo's medium size, as vision exports give it.
    """

    photo_id: int
    extension: str
    url: str


def is_placeholder(url: str) -> bool:
    """Returns whether an address is that of a picture which stands for a photo that is not there,
    such as .../assets/copyright-infringement-medium.png.
    """
    return _PLACEHOLDER_URL.search(url) is not None


def photo_of_url(url: str, column: str) -> PublishedPhoto:
    """Returns what iNaturalist's address of a photo says, whatever size it is of.

    Raises:
        RowFault: if it is none.
    """
    match = _PHOTO_URL.search(url)
    if match is None:
        raise RowFault(
            column, f"is no address such as .../photos/<id>/medium.jpg. Received: {url[:120]!r}."
        )
    medium = f"{match['store']}/{match['id']}/medium.{match['extension']}"
    return PublishedPhoto(int(match["id"]), match["extension"], medium)


def place_of(
    cells: Mapping[str, str], latitude: str, longitude: str
) -> tuple[float | None, float | None]:
    """Returns (degrees north, degrees east); (None, None) if one is empty or its column absent.

    Raises:
        RowFault: if one is not a number in its range.
    """
    if not cells.get(latitude) or not cells.get(longitude):
        return None, None
    return number(cells, latitude, limit=90.0), number(cells, longitude, limit=180.0)


def date_of(cells: Mapping[str, str], column: str) -> datetime.date | None:
    """Returns the date in a cell, with or without a time after it; None if it is empty.

    Raises:
        RowFault: if it does not start with a date.
    """
    day = optional_date(cells, column)
    return datetime.date.fromisoformat(day) if day else None


def _taxon_path(cells: Mapping[str, str], taxon_id: int | None) -> Path | None:
    name = cells.get("scientific_name", "").strip()
    if not name:
        if taxon_id is not None and "scientific_name" in cells:
            raise RowFault("scientific_name", f"is empty for taxon {taxon_id}.")
        return None
    if taxon_id == LIFE_TAXON_ID:
        return (("stateofmatter", name),)
    above = {
        rank: cells[column].strip() for column, rank in RANK_COLUMNS.items() if cells.get(column)
    }
    named = [rank for rank, other in above.items() if other == name]
    rank = named[0] if named else rank_of_name(name)
    iconic = path_of_iconic_taxon(cells.get("iconic_taxon_name", "").strip())
    if (rank, name) in iconic or (not named and name in dict(iconic).values()):
        return iconic[: [other for _, other in iconic].index(name) + 1]
    return path_of_names((rank, name), {**dict(iconic), **above})


def _accuracy(cells: Mapping[str, str]) -> int | None:
    # Of the coordinates that the export gives, which for many species are not the true ones.
    return optional_integer(cells, "public_positional_accuracy", least=0) or optional_integer(
        cells, "positional_accuracy", least=0
    )


def _user_id(cells: Mapping[str, str]) -> str | None:
    number = optional_integer(cells, "user_id", least=1)
    return None if number is None else str(number)


def _quality_grade(cells: Mapping[str, str]) -> str:
    grade = cells["quality_grade"]
    if grade not in QUALITY_GRADES:
        raise RowFault(
            "quality_grade", f"must be one of {', '.join(QUALITY_GRADES)}. Received: {grade!r}."
        )
    return grade


def _flag(cells: Mapping[str, str], column: str) -> bool | None:
    cell = cells.get(column, "").lower()
    if cell not in ("", "true", "false"):
        raise RowFault(column, f"is neither true nor false nor empty. Received: {cell!r}.")
    return cell == "true" if cell else None
