"""Photos grouped by their hash, so that each hash is compared once however many photos have it.

train, val = groups_of(train_hashes), groups_of(val_hashes)
for hits in near_pairs(val.detailed.keys, train.detailed.keys, 4):
    rows_val, rows_train = expand(val.detailed, train.detailed, hits.index_a, hits.index_b)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.photo_hash import has_detail
from schemas.split_hashes import SplitHashes

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Group:
    """Photos by hash; `rows[starts[i]:starts[i + 1]]` have `keys[i]`.

    Attributes:
        keys: uint64 [K], sorted, each once.
        starts: int64 [K + 1].
        rows: int64 [N], numbers of photos, ascending for each key.
    """

    keys: npt.NDArray[np.uint64]
    starts: Rows
    rows: Rows

    @classmethod
    def by(cls, hashes: npt.NDArray[np.uint64], rows: Rows) -> Group:
        """Groups photos.

        Args:
            hashes: uint64 [N].
            rows: int64 [N], numbers of the photos, ascending.
        """
        order = np.argsort(hashes, kind="stable")
        keys, starts = np.unique(hashes[order], return_index=True)
        return cls(keys, np.append(starts, len(hashes)), rows[order])

    def members(self, key_number: int) -> Rows:
        """Returns the photos with `keys[key_number]`."""
        return self.rows[self.starts[key_number] : self.starts[key_number + 1]]

    def sizes(self, key_numbers: Rows) -> Rows:
        """Returns how many photos have each of these keys."""
        return self.starts[key_numbers + 1] - self.starts[key_numbers]


class Groups(NamedTuple):
    """All photos of a split.

    Attributes:
        detailed: photos with detail, by perceptual hash.
        flat: photos without, by file: the hash cannot tell them from each other.
    """

    detailed: Group
    flat: Group


def groups_of(photos: SplitHashes) -> Groups:
    """Returns the photos of a split by hash."""
    detailed = has_detail(photos.phash)
    with_detail, without = np.flatnonzero(detailed), np.flatnonzero(~detailed)
    return Groups(
        Group.by(photos.phash[with_detail], with_detail),
        Group.by(photos.file_key[without], without),
    )


def expand(a: Group, b: Group, keys_a: Rows, keys_b: Rows) -> tuple[Rows, Rows]:
    """Returns every pair of photos that have some pairs of hashes.

    Args:
        a: photos of one side.
        b: photos of the other.
        keys_a: int64 [H], numbers of keys of a.
        keys_b: int64 [H], number of the key of b that each is paired with.

    Returns:
        int64 [P] each: the photo of a and the photo of b, hash pair after hash pair.
    """
    sizes_b = b.sizes(keys_b)
    sizes = a.sizes(keys_a) * sizes_b
    number = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    in_a, in_b = np.divmod(number, np.repeat(sizes_b, sizes))
    rows_a = a.rows[np.repeat(a.starts[keys_a], sizes) + in_a]
    rows_b = b.rows[np.repeat(b.starts[keys_b], sizes) + in_b]
    return rows_a, rows_b
