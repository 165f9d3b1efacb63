"""Ids with the split and leaf they stand under, 8 bytes a row, and what one sort tells of them.

An id, a split and a leaf are packed into one int64, id first, so that sorting brings the rows of an
id together: neighbours of one id that differ in split or leaf are the leaks.

    keys = IdKeys()
    keys.add(photo_id=7, split=0, leaf=12)           # for each row, in file order
    found = keys.compared()
    found.in_two_splits                              # int64 [K], ids, ascending

Memory: 8 bytes a row, 8 more while compared, and some for the ids that leak.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEAF_BITS, SPLIT_BITS = 20, 2

MAX_LEAF = (1 << LEAF_BITS) - 1
MAX_ID = (1 << (63 - LEAF_BITS - SPLIT_BITS)) - 1
"""2,199,023,255,551; iNaturalist's ids are below a thousandth of it."""

_CHUNK_ROWS = 1 << 20

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Compared:
    """What the sorted ids tell.

    Attributes:
        different: ids in all.
        different_in_split: different ids in each split, by the split's number.
        in_two_splits: int64 [K], ascending.
        under_two_leaves: int64 [K], ascending.
        twice_in_a_split: int64 [K], ascending; ids on several rows of one split. Empty unless
            asked for.
    """

    different: int
    different_in_split: tuple[int, ...]
    in_two_splits: Ids
    under_two_leaves: Ids
    twice_in_a_split: Ids


class IdKeys:
    """Ids of photos or observations, a row each, in file order."""

    def __init__(self) -> None:
        self._keys = array("q")

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, id: int, split: int, leaf: int) -> None:
        """Takes in a row.

        Args:
            id: 0..MAX_ID.
            split: 0..3.
            leaf: 0..MAX_LEAF.
        """
        self._keys.append(((id << SPLIT_BITS | split) << LEAF_BITS) | leaf)

    def compared(self, *, doubles_too: bool = False) -> Compared:
        """Sorts a copy and compares neighbours.

        Args:
            doubles_too: whether to find `twice_in_a_split`; needless for observations, most of
                which have several photos.
        """
        ordered = np.sort(self._view())
        different, in_split = 0, np.zeros(1 << SPLIT_BITS, np.int64)
        splits: list[Ids] = []
        leaves: list[Ids] = []
        doubles: list[Ids] = []
        for keys in _overlapping(ordered):
            ids, id_splits = keys >> (SPLIT_BITS + LEAF_BITS), keys >> LEAF_BITS
            same_id, same_split = ids[1:] == ids[:-1], id_splits[1:] == id_splits[:-1]
            same_leaf = (keys[1:] & MAX_LEAF) == (keys[:-1] & MAX_LEAF)
            later = ids[1:]
            different += int((~same_id).sum())
            new = id_splits[1:][~same_split] & ((1 << SPLIT_BITS) - 1)
            in_split += np.bincount(new, minlength=len(in_split))
            splits.append(np.unique(later[same_id & ~same_split]))
            leaves.append(np.unique(later[same_id & ~same_leaf]))
            if doubles_too:
                doubles.append(np.unique(later[same_split]))
        return Compared(
            different, tuple(in_split.tolist()), _union(splits), _union(leaves), _union(doubles)
        )

    def unique(self) -> Ids:
        """Returns int64 [K], the different ids, ascending."""
        ids = np.sort(self._view())
        ids >>= SPLIT_BITS + LEAF_BITS
        is_first = np.ones(len(ids), bool)
        is_first[1:] = ids[1:] != ids[:-1]
        return ids[is_first]

    def rows_of_leaves(self, num_leaves: int, num_splits: int) -> npt.NDArray[np.int64]:
        """Returns int64 [num_leaves, num_splits]: rows of each leaf in each split."""
        counts = np.zeros(num_leaves * num_splits, np.int64)
        for keys in self._chunks():
            split = (keys >> LEAF_BITS) & ((1 << SPLIT_BITS) - 1)
            counts += np.bincount((keys & MAX_LEAF) * num_splits + split, minlength=len(counts))
        return counts.reshape(num_leaves, num_splits)

    def first_among(self, wanted: Ids, most: int) -> list[int]:
        """Returns the first different ids in file order that are among `wanted`, ascending ids."""
        found: dict[int, None] = {}
        for keys in self._chunks():
            ids = keys >> (SPLIT_BITS + LEAF_BITS)
            if len(wanted):
                near = np.searchsorted(wanted, ids).clip(max=len(wanted) - 1)
                found |= dict.fromkeys(ids[wanted[near] == ids].tolist())
            if len(found) >= most:
                break
        return list(found)[:most]

    def places_of(self, id: int) -> list[tuple[int, int, int]]:
        """Returns (row from 0, split, leaf) of each row of an id, in file order."""
        places = []
        for start, keys in zip(range(0, len(self), _CHUNK_ROWS), self._chunks(), strict=True):
            for place in np.flatnonzero(keys >> (SPLIT_BITS + LEAF_BITS) == id).tolist():
                key = int(keys[place])
                split = (key >> LEAF_BITS) & ((1 << SPLIT_BITS) - 1)
                places.append((start + place, split, key & MAX_LEAF))
        return places

    def _view(self) -> Ids:
        return np.frombuffer(self._keys, np.int64) if self._keys else np.zeros(0, np.int64)

    def _chunks(self) -> Iterator[Ids]:
        view = self._view()
        for start in range(0, len(view), _CHUNK_ROWS):
            yield view[start : start + _CHUNK_ROWS]


def _overlapping(ordered: Ids) -> Iterator[Ids]:
    """Yields chunks that begin with the last key of the chunk before; the first one with -1."""
    before = np.array([-1], np.int64)
    for start in range(0, len(ordered), _CHUNK_ROWS):
        chunk = ordered[start : start + _CHUNK_ROWS]
        yield np.concatenate([before, chunk])
        before = chunk[-1:]


def _union(parts: list[Ids]) -> Ids:
    return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int64)
