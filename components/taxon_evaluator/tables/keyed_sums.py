"""Sums of photo figures by key: the accumulator that every figure of the tables comes from.

Law: `merge` is associative and commutative to the last bit, since all sums are of integers. Any
split of the photos over workers and any order of merges gives the same.

    sums = KeyedSums.of(leaves, rows)        # int64 [B] and int64 [B, M]
    merge([sums, others]).keys               # sorted, each once
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

ONE = 1 << 24
"""1.0 as an integer, for figures that are no counts: 2^-24 is as fine as a float32 score, and
100 million log losses squared still fit 63 bits."""

Keys = npt.NDArray[Any]
Sums = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class KeyedSums:
    """Sums by key.

    Attributes:
        keys: int64 or str [S], sorted, each once.
        sums: int64 [S, M].
    """

    keys: Keys
    sums: Sums

    @classmethod
    def of(cls, keys: Keys, rows: Sums) -> KeyedSums:
        """Returns the sums of rows [B, M] by their keys [B]."""
        unique, group = np.unique(keys, return_inverse=True)
        return cls(unique, _sum_by_group(group, rows, len(unique)))

    def __len__(self) -> int:
        return len(self.keys)

    def at(self, keys: Keys) -> Sums:
        """Returns int64 [K, M]: the sums of the keys asked for, 0 where there are none."""
        place = np.searchsorted(self.keys, keys)
        place = np.minimum(place, max(len(self) - 1, 0))
        if not len(self):
            return np.zeros((len(keys), self.sums.shape[1]), np.int64)
        return np.where((self.keys[place] == keys)[:, None], self.sums[place], 0)


def merge(parts: Sequence[KeyedSums]) -> KeyedSums:
    """Returns the sums of several parts, at least one, with as many columns each."""
    if len(parts) == 1:
        return parts[0]
    return KeyedSums.of(
        np.concatenate([part.keys for part in parts]), np.concatenate([part.sums for part in parts])
    )


def _sum_by_group(group: npt.NDArray[np.intp], rows: Sums, count: int) -> Sums:
    if not len(rows):
        return np.zeros((count, rows.shape[1]), np.int64)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(count))
    return np.add.reduceat(rows[order], starts, axis=0, dtype=np.int64)


def fixed(values: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """Returns values as integers in units of 1 / ONE; what is no number counts as 0."""
    return np.rint(np.nan_to_num(values, nan=0.0) * ONE).astype(np.int64)
