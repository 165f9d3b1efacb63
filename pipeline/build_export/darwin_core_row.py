"""Rows of the two tables of a Darwin Core archive: an observation, and a photo of one.

Law: pure; what the standard allows but Fieldmark cannot use (a month for a date) is unknown, what
the standard does not allow is a fault.

    parse_observation(cells).observation_id       # 38
    parse_photo(cells).photo.photo_id             # 62; None for a sound
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import NamedTuple

from pipeline.build_export.darwin_core_licenses import license_of
from pipeline.build_export.named_taxa import Path, path_of_names, rank_of_name
from pipeline.build_export.site_row import (
    QUALITY_GRADES,
    PublishedPhoto,
    date_of,
    is_placeholder,
    photo_of_url,
    place_of,
)
from schemas.errors import did_you_mean
from schemas.photo_store import EXTENSIONS
from schemas.ranks import LEVEL_OF_RANK
from schemas.row_cells import RowFault, integer, number

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
"""Columns with the names of the taxa above."""

_OBSERVATION_PAGE = re.compile(r"inaturalist\.org/observations/(\d+)/?$")
_PART_OF_A_DATE = re.compile(r"\d{4}(-\d\d)?|[^/]+/[^/]+")
"""A year, a month, or an interval."""

_LESS_THAN_RESEARCH = "iNaturalist observations"
"""`datasetName` of observations that are not (or not yet) research grade."""


class ObservationRow(NamedTuple):
    """A row of the core.

    Attributes:
        key: what the rows of photos refer to.
        observation_id: iNaturalist's number, which is the key but in downloads from GBIF.
        taxon_id: None if the row does not say.
        path: of the taxon; None if nothing was identified.
        license: of the observation; used where photos have no column of their own.
        Other attributes: as in `table_source`.
    """

    key: int
    observation_id: int
    taxon_id: int | None
    path: Path | None
    quality_grade: str
    latitude: float | None
    longitude: float | None
    positional_accuracy: int | None
    observed_on: datetime.date | None
    observer: str | None
    rights_holder: str | None
    license: str | None
    captive: bool | None


class MediaRow(NamedTuple):
    """A row of the table of photos.

    Attributes:
        key: of its observation.
        photo: number, extension (None if nothing says) and address.
        license: None for all rights reserved.
        rights_holder: None if the row does not say.
    """

    key: int
    photo: PublishedPhoto
    license: str | None
    rights_holder: str | None


def parse_observation(cells: Mapping[str, str]) -> ObservationRow:
    """Returns the observation in a row.

    Raises:
        RowFault: naming the column.
    """
    key = integer(cells, "id", least=1)
    latitude, longitude = place_of(cells, "decimalLatitude", "decimalLongitude")
    taxon_id, path = _taxon(cells)
    return ObservationRow(
        key=key,
        observation_id=_observation_id(cells) or key,
        taxon_id=taxon_id,
        path=path,
        quality_grade=_quality_grade(cells),
        latitude=latitude,
        longitude=longitude,
        positional_accuracy=_accuracy(cells),
        observed_on=_event_date(cells),
        observer=first_of(cells, "inaturalistLogin", "recordedBy"),
        rights_holder=first_of(cells, "rightsHolder", "recordedBy"),
        license=license_of(cells.get("license", "")),
        captive=_captive(cells),
    )


def parse_photo(cells: Mapping[str, str]) -> MediaRow | None:
    """Returns the photo in a row, None if it is a sound or a photo that was removed.

    Raises:
        RowFault: naming the column.
    """
    if "sound" in cells.get("type", "").lower() or cells.get("format", "").startswith("audio/"):
        return None
    address = cells["identifier"].strip()
    if is_placeholder(address):
        return None
    return MediaRow(
        key=integer(cells, "id", least=1),
        photo=_photo(cells, address),
        license=license_of(cells.get("license", "")),
        rights_holder=first_of(cells, "rightsHolder", "creator"),
    )


def first_of(cells: Mapping[str, str], *columns: str) -> str | None:
    """Returns the first cell that is there and not empty."""
    for column in columns:
        if cell := cells.get(column):
            return cell
    return None


def _photo(cells: Mapping[str, str], address: str) -> PublishedPhoto:
    """A photo that was fetched from another site has its number only in `catalogNumber`."""
    try:
        return photo_of_url(address, "identifier")
    except RowFault:
        if not cells.get("catalogNumber") or not address.startswith(("http://", "https://")):
            raise
    photo_id = integer(cells, "catalogNumber", least=1)
    extension = address.partition("?")[0].rpartition(".")[2]
    if extension.lower() not in EXTENSIONS:
        extension = cells.get("format", "").rpartition("/")[2]
    return PublishedPhoto(photo_id, extension or "jpg", address)


def _observation_id(cells: Mapping[str, str]) -> int | None:
    for column in ("occurrenceID", "references"):
        if match := _OBSERVATION_PAGE.search(cells.get(column, "")):
            return int(match[1])
    return None


def _taxon(cells: Mapping[str, str]) -> tuple[int | None, Path | None]:
    # GBIF appends the author to scientificName and keeps iNaturalist's as verbatim.
    name = (first_of(cells, "verbatimScientificName", "scientificName") or "").strip()
    if not name:
        return None, None
    rank = cells["taxonRank"].strip().lower()
    if rank in ("", "unranked"):
        rank = rank_of_name(name)
    if rank not in LEVEL_OF_RANK:
        hint = did_you_mean(rank, LEVEL_OF_RANK)
        raise RowFault("taxonRank", f"is none of iNaturalist's. Received: {rank!r}.{hint}")
    above = {other: cells[other].strip() for other in RANKS if cells.get(other)}
    # Also as the address of the taxon's page: https://www.inaturalist.org/taxa/47993
    cell = cells["taxonID"].strip().rpartition("/")[2]
    taxon_id = integer({"taxonID": cell}, "taxonID", least=1) if cell else None
    return taxon_id, path_of_names((rank, name), above)


def _quality_grade(cells: Mapping[str, str]) -> str:
    grade = cells.get("identificationVerificationStatus", "")
    if grade in QUALITY_GRADES:
        return grade
    return "needs_id" if cells.get("datasetName") == _LESS_THAN_RESEARCH else "research"


def _accuracy(cells: Mapping[str, str]) -> int | None:
    if not cells.get("coordinateUncertaintyInMeters"):
        return None
    return round(number(cells, "coordinateUncertaintyInMeters", limit=1e9))


def _event_date(cells: Mapping[str, str]) -> datetime.date | None:
    if _PART_OF_A_DATE.fullmatch(cells.get("eventDate", "")):
        return None
    return date_of(cells, "eventDate")


def _captive(cells: Mapping[str, str]) -> bool | None:
    word = cells.get("captive", "").lower()
    if word not in ("", "wild", "captive", "cultivated"):
        raise RowFault("captive", f"is neither wild nor captive nor empty. Received: {word!r}.")
    if not word:
        # Where archives before 2021 said it; other words there are about something else.
        means = cells.get("establishmentMeans", "").lower()
        word = means if means in ("wild", "cultivated") else ""
    return word != "wild" if word else None
