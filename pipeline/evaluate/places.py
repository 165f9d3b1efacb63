"""Where and when the observations of one split were made, in a few arrays.

An export's places are a file of all its observations. It streams by once, and of the observations
asked for 16 bytes each are kept.

    places = read_places(source, wanted)     # int64, see `observation_key`
    places.at(keys)                          # latitude, longitude, date of each photo
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas import record
from schemas.photo_row import PhotoRow
from schemas.source import Source

Ints = npt.NDArray[np.int64]

_NO_DATE = np.datetime64("NaT", "D")


def observation_key(row: PhotoRow) -> int:
    """Returns what places are found by: the observation, or minus the photo where none is known."""
    return row.observation_id if row.observation_id is not None else -row.photo_id


@dataclass(frozen=True, eq=False)
class Places:
    """Places of O observations.

    Attributes:
        keys: int64 [O], sorted.
        latitudes: float32 [O], degrees north, or NaN.
        longitudes: float32 [O], degrees east, or NaN.
        dates: datetime64[D] [O], or NaT.
    """

    keys: Ints
    latitudes: npt.NDArray[np.float32]
    longitudes: npt.NDArray[np.float32]
    dates: npt.NDArray[np.datetime64]

    def at(self, keys: Ints) -> dict[str, npt.NDArray[Any]]:
        """Returns features of photos (schemas.record), [B] each.

        Args:
            keys: int64 [B], all among the keys.
        """
        place = np.searchsorted(self.keys, keys)
        dates = np.datetime_as_string(self.dates[place])
        return {
            record.LATITUDE: self.latitudes[place],
            record.LONGITUDE: self.longitudes[place],
            record.OBSERVED_ON: np.where(np.isnat(self.dates[place]), "", dates),
        }


def read_places(source: Source, wanted: Ints) -> Places:
    """Returns the places of some observations.

    Args:
        source: the export.
        wanted: int64, keys of the observations, in any order.

    Raises:
        DataError: if the file of places is faulty.
    """
    keys = np.unique(wanted)
    latitudes = np.full(len(keys), np.nan, np.float32)
    longitudes = latitudes.copy()
    dates = np.full(len(keys), _NO_DATE)
    place_of = {int(key): place for place, key in enumerate(keys)} if source.has_places else {}
    for row in source.spatial_rows():
        place = place_of.get(row.observation_id)
        if place is not None:
            latitudes[place], longitudes[place] = row.latitude, row.longitude
            dates[place] = np.datetime64(row.observed_on, "D") if row.observed_on else _NO_DATE
    return Places(keys, latitudes, longitudes, dates)
