"""One row of `spatial_data.csv`: where and when an observation was made.

parse_spatial_line(header, "77,40.208,9.664,2021-08-11,0,0,0,8021,8021,1,0,", 2,
                   path="spatial_data.csv")
# SpatialRow(row_number=2, observation_id=77, latitude=40.208, longitude=9.664,
#            observed_on='2021-08-11')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike

from schemas.photo_row import REMEDY
from schemas.row_cells import RowFault, integer, number, optional_date, split_line

SPATIAL_COLUMNS = ("observation_id", "latitude", "longitude", "observed_on")
"""The columns read; the file has more."""


@dataclass(frozen=True, slots=True)
class SpatialRow:
    """Place and date of an observation.

    Attributes:
        row_number: line of the file, the header being 1.
        observation_id: iNaturalist's id; positive. Where a format knows photos and no observations
            (the competition's JSON), the negative photo id, as rows without one are grouped by.
        latitude: degrees north, -90..90.
        longitude: degrees east, -180..180.
        observed_on: YYYY-MM-DD; None if unknown.
    """

    row_number: int
    observation_id: int
    latitude: float
    longitude: float
    observed_on: str | None


def parse_spatial_line(
    header: tuple[str, ...], line: str, row_number: int, *, path: str | PathLike[str]
) -> SpatialRow:
    """Returns the row in one line of `spatial_data.csv`.

    Args:
        header: the file's columns, as `schemas.csv_rows.read_header` gives them.
        line: the line, with or without its end.
        row_number: its number, the header being 1.
        path: the file, for the message.

    Raises:
        DataError: naming file, row and column of the first fault.
    """
    try:
        return parse_spatial_row(split_line(header, line), row_number)
    except RowFault as fault:
        raise fault.at(path, row_number, REMEDY) from None


def parse_spatial_row(cells: Mapping[str, str], row_number: int) -> SpatialRow:
    """Returns the row in `cells`, which are by column name.

    Raises:
        RowFault: naming the column.
    """
    return SpatialRow(
        row_number=row_number,
        observation_id=integer(cells, "observation_id", least=1),
        latitude=number(cells, "latitude", limit=90),
        longitude=number(cells, "longitude", limit=180),
        observed_on=optional_date(cells, "observed_on"),
    )
