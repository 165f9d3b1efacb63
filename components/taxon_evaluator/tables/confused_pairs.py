"""Which leaf was taken for which, how often, and on which photos: only pairs that occurred.

Never leaves x leaves: at 80,000 leaves that would be 6.4 thousand million cells, and there are at
most as many pairs as wrong photos.

Law: as `keyed_sums.merge`; of each pair the photos kept are the most confident, then the lowest
ids, whatever the order they came in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.tables.keyed_sums import KeyedSums
from components.taxon_evaluator.tables.keyed_sums import merge as merge_sums

Ints = npt.NDArray[np.int64]

_SHIFT = 32


def pair_keys(truths: Ints, answers: Ints) -> Ints:
    """Returns int64 [B]: one key for (true leaf, answered leaf)."""
    return (truths.astype(np.int64) << _SHIFT) | answers.astype(np.int64)


def pair_of(keys: Ints) -> tuple[Ints, Ints]:
    """Returns (true leaves, answered leaves) of keys."""
    return keys >> _SHIFT, keys & ((1 << _SHIFT) - 1)


@dataclass(frozen=True, eq=False)
class ConfusedPairs:
    """Counts of pairs, and photos of each.

    Attributes:
        counts: by pair key, one column.
        photo_pairs: int64 [P], pair key of each photo kept, sorted.
        photo_scores: int64 [P], score of the wrong answer, as `keyed_sums.fixed`.
        photo_ids: int64 [P].
        max_photos: most photos kept of a pair.
    """

    counts: KeyedSums
    photo_pairs: Ints
    photo_scores: Ints
    photo_ids: Ints
    max_photos: int

    @classmethod
    def of(cls, keys: Ints, scores: Ints, photo_ids: Ints, *, max_photos: int) -> ConfusedPairs:
        """Returns the pairs of wrong photos, int64 [B] each."""
        counts = KeyedSums.of(keys, np.ones((len(keys), 1), np.int64))
        return cls(counts, *_best_photos(keys, scores, photo_ids, max_photos), max_photos)


def merge_pairs(parts: Sequence[ConfusedPairs]) -> ConfusedPairs:
    """Returns several parts, at least one, as one."""
    photos = _best_photos(
        np.concatenate([part.photo_pairs for part in parts]),
        np.concatenate([part.photo_scores for part in parts]),
        np.concatenate([part.photo_ids for part in parts]),
        parts[0].max_photos,
    )
    return ConfusedPairs(merge_sums([part.counts for part in parts]), *photos, parts[0].max_photos)


def _best_photos(
    keys: Ints, scores: Ints, photo_ids: Ints, max_photos: int
) -> tuple[Ints, Ints, Ints]:
    order = np.lexsort((photo_ids, -scores, keys))
    keys, scores, photo_ids = keys[order], scores[order], photo_ids[order]
    place = np.arange(len(keys)) - np.searchsorted(keys, keys)
    kept = place < max_photos
    return keys[kept], scores[kept], photo_ids[kept]
