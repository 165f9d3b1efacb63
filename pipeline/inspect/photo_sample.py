"""Which photos are on disk, looked up for all of them or for a sample.

Law: the sample is uniform over the rows, the same for the same rows, and all of them if they are
few. Memory holds the sample alone.

    looks = PhotoLooks(PhotoStore("export"), sample_size=2000)
    for row in rows:
        looks.see(row.key if looks.wants_next else None)
    looks.result()                       # PhotosOnDisk
"""

from __future__ import annotations

import math
import random

from pipeline.inspect.inspection import PhotosOnDisk
from schemas.errors import DataError
from schemas.photo_store import PhotoKey, PhotoStore

SAMPLE_SIZE = 2000
"""Lookups by default: a share of missing photos is then known to about two points."""

MISSING_SHOWN = 5


class PhotoLooks:
    """Sees every row, and looks for the photos of some.

    Args:
        store: where photos lie.
        sample_size: rows to look for; None for all.
    """

    def __init__(self, store: PhotoStore, sample_size: int | None = SAMPLE_SIZE) -> None:
        self._store, self._size = store, sample_size
        self._seen, self._looked, self._found = 0, 0, 0
        self._missing: list[int] = []
        self._sample: list[tuple[int, PhotoKey]] = []
        self.refusal: DataError | None = None
        """Why the store forbade looking (permissions, a failing disk), the first time it did."""
        self._random = random.Random(0)
        self._weight, self._next = 1.0, 0

    @property
    def wants_next(self) -> bool:
        """Whether the next row may be looked for, so that `see` needs its key."""
        return self._size is None or self._seen < self._size or self._seen == self._next

    def see(self, key: PhotoKey | None) -> None:
        """Takes in one row; its key may be None unless `wants_next`."""
        if key is None:
            assert not self.wants_next
        elif self._size is None:
            self._look(key)
        elif self._seen < self._size:
            self._sample.append((self._seen, key))
            if self._seen == self._size - 1:
                self._skip()
        elif self._seen == self._next:
            self._sample[self._random.randrange(self._size)] = (self._seen, key)
            self._skip()
        self._seen += 1

    def result(self) -> PhotosOnDisk | None:
        """Looks for the sample and returns the counts; None if no row was seen."""
        for _, key in sorted(self._sample, key=lambda place: place[0]):
            self._look(key)
        self._sample = []
        if not self._seen:
            return None
        return PhotosOnDisk(self._looked, self._found, self._seen, tuple(self._missing))

    def _look(self, key: PhotoKey) -> None:
        self._looked += 1
        if self._is_there(key):
            self._found += 1
        elif len(self._missing) < MISSING_SHOWN and key.photo_id not in self._missing:
            self._missing.append(key.photo_id)

    def _is_there(self, key: PhotoKey) -> bool:
        try:
            return self._store.find(*key) is not None
        except DataError as error:
            self.refusal = self.refusal or error
            return False

    def _skip(self) -> None:
        """Draws how many rows go by until one enters the sample: Li's algorithm L (1994)."""
        assert self._size is not None
        self._weight *= math.exp(math.log(1 - self._random.random()) / self._size)
        skipped = math.log(1 - self._random.random()) / math.log1p(-self._weight)
        self._next = self._seen + 1 + math.floor(skipped)
