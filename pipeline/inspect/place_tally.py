"""Which observations have a place, and in which years they were made.

Memory: 10 bytes a row of places, and 24 more while they are matched.

    tally = PlaceTally()
    tally.add(row)                       # for each SpatialRow
    tally.places(units)                  # Places
"""

from __future__ import annotations

from array import array

import numpy as np

from pipeline.inspect.id_keys import MAX_ID, Ids
from pipeline.inspect.inspection import Count, Places
from schemas.spatial_row import SpatialRow


class PlaceTally:
    """Rows of places, in any order."""

    def __init__(self) -> None:
        self._ids, self._years = array("q"), array("h")

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, row: SpatialRow) -> None:
        """Takes in a row; its date is checked, so the first four characters are a year."""
        if abs(row.observation_id) > MAX_ID:
            return  # Rows of splits with such an id are faults, so it would match none.
        self._ids.append(row.observation_id)
        self._years.append(int(row.observed_on[:4]) if row.observed_on else 0)

    def places(self, units: Ids) -> Places:
        """Returns how many of the observations have a place, and their years.

        Args:
            units: int64 [K], ascending, without doubles: observations (or negative photo ids).
        """
        ids, first = np.unique(np.array(self._ids, np.int64), return_index=True)
        years = np.array(self._years, np.int64)[first]
        if not len(units):
            return Places(0, 0, ())
        inside = units[np.searchsorted(units, ids).clip(max=len(units) - 1)] == ids
        counts = np.bincount(years[inside], minlength=1)
        found = np.flatnonzero(counts[1:]) + 1
        histogram = tuple(Count(f"{year:04d}", int(counts[year])) for year in found)
        return Places(int(inside.sum()), len(units), histogram)
