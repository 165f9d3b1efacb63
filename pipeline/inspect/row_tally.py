"""What is counted while the rows of splits go by.

Memory: 20 bytes a row (a key of the photo, one of its observation, the row's number), 8 more a row
while keys are sorted, and a little for each licence and observer: about 0.9 GB for 30 million rows.

    tally = RowTally(("train", "val"), looks)
    tally.add(row, split=0)
    tally.leaks(known)                   # tuple of Leak
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipeline.inspect.id_keys import MAX_ID, MAX_LEAF, Compared, IdKeys, Ids
from pipeline.inspect.inspection import Leak, SplitFigures
from pipeline.inspect.known_taxa import KnownTaxa
from pipeline.inspect.photo_sample import PhotoLooks
from schemas.photo_row import PhotoRow
from schemas.row_cells import RowFault

EXAMPLES_SHOWN = 3


class RowTally:
    """Counts over the rows of all splits.

    Args:
        splits: their names, at most four.
        looks: sees each row's key.
    """

    def __init__(self, splits: Sequence[str], looks: PhotoLooks) -> None:
        self.splits, self._looks = tuple(splits), looks
        self.licenses: Counter[str | None] = Counter()
        self.observers: set[str] = set()
        self.with_url = 0
        self._photos, self._observations = IdKeys(), IdKeys()
        self._row_numbers = array("i")
        self._max_leaf = -1

    def add(self, row: PhotoRow, split: int) -> None:
        """Takes in a sound row.

        Args:
            row: the row.
            split: place of its split in `splits`.

        Raises:
            RowFault: if an id is too large to be one.
        """
        observation_id, leaf = row.observation_id, row.leaf_class_id
        if row.photo_id > MAX_ID or (observation_id or 0) > MAX_ID or leaf > MAX_LEAF:
            raise RowFault(
                None,
                f"has an id that is none of iNaturalist's: above {MAX_ID:,}, or a leaf class above "
                f"{MAX_LEAF:,}.",
            )
        self._photos.add(row.photo_id, split, leaf)
        self._row_numbers.append(row.row_number)
        if observation_id is not None:
            self._observations.add(observation_id, split, leaf)
        self._max_leaf = max(self._max_leaf, leaf)
        self.licenses[row.license] += 1
        if row.observer is not None:
            self.observers.add(row.observer)
        self.with_url += row.photo_url is not None
        # Of 30 million keys 2,000 are needed, and making one costs a tenth of reading the row.
        self._looks.see(row.key if self._looks.wants_next else None)

    def __len__(self) -> int:
        return len(self._photos)

    @property
    def num_observations(self) -> int | None:
        """Different observations; None if no row knows one."""
        return self._compared_observations.different if len(self._observations) else None

    def units(self) -> Ids:
        """Returns int64 [K], ascending: ids of observations, or negative ids of photos."""
        if len(self._observations):
            return self._observations.unique()
        return -self._photos.unique()[::-1]

    def photos_of_leaves(self, num_leaves: int) -> npt.NDArray[np.int64]:
        """Returns int64 [N, S]: rows of each leaf in each split, N at least `num_leaves`."""
        rows = max(num_leaves, self._max_leaf + 1)
        return self._photos.rows_of_leaves(rows, len(self.splits))

    def split_figures(self, photos: npt.NDArray[np.int64]) -> tuple[SplitFigures, ...]:
        """Returns the figures of each split.

        Args:
            photos: what `photos_of_leaves` gives.
        """
        known = len(self._observations) > 0
        in_split = self._compared_observations.different_in_split
        return tuple(
            SplitFigures(
                name,
                int(photos[:, place].sum()),
                in_split[place] if known else None,
                int((photos[:, place] > 0).sum()),
            )
            for place, name in enumerate(self.splits)
        )

    def leaks(self, known: KnownTaxa | None) -> tuple[Leak, ...]:
        """Returns the kinds of leak that occur.

        Args:
            known: names the leaves.
        """
        observations, photos = self._compared_observations, self._compared_photos
        kinds = (
            ("observations in two splits", "observation", observations.in_two_splits),
            ("photos in two splits", "photo", photos.in_two_splits),
            ("observations under two leaves", "observation", observations.under_two_leaves),
            ("photos under two leaves", "photo", photos.under_two_leaves),
            ("photos twice in one split", "photo", photos.twice_in_a_split),
        )
        return tuple(
            Leak(kind, len(ids), self._examples(unit, ids, known))
            for kind, unit, ids in kinds
            if len(ids)
        )

    @cached_property
    def _compared_photos(self) -> Compared:
        return self._photos.compared(doubles_too=True)

    @cached_property
    def _compared_observations(self) -> Compared:
        return self._observations.compared()

    def _examples(self, unit: str, ids: Ids, known: KnownTaxa | None) -> tuple[str, ...]:
        keys = self._observations if unit == "observation" else self._photos
        lines = []
        for id in keys.first_among(ids, EXAMPLES_SHOWN):
            places = keys.places_of(id)
            rows = [self._place(*place, known) for place in places[:EXAMPLES_SHOWN]]
            more = f", {len(places) - len(rows):,} more" if len(places) > len(rows) else ""
            lines.append(f"{unit} {id}: {', '.join(rows)}{more}")
        return tuple(lines)

    def _place(self, row: int, split: int, leaf: int, known: KnownTaxa | None) -> str:
        name = known.leaf(leaf)[1] if known is not None else f"leaf class {leaf}"
        return f"{self.splits[split]} row {self._row_numbers[row]} ({name})"
