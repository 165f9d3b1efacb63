"""Which photos stand twice, in two splits or in one, the same or nearly the same.

Two photos are near-duplicates if at most `max_distance` bits of their perceptual hashes differ.
Photos without detail (`schemas.photo_hash.has_detail`) all look alike to the hash: of them only
identical files are paired.

What is judged is a share, and it must not grow with the export by chance alone: among millions of
photos nearly every one has some that its hash cannot tell from it. Those are of other taxa. So a
held-out photo counts as a twin if train has the identical file or a near-duplicate *of its
taxon*; near ones of other taxa are listed and counted apart.

All pairs are counted and the verdict on each photo is exact. Listed are at most `max_listed`
pairs, the first in order; of a crowd of photos with one hash only some.

    found = find_near_duplicates([train, val], max_distance=4)      # SplitHashes
    found.counts["val"].share, found.num_pairs
    look_up(found.listed, [train, val])                             # list of Pair
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.duplicate_pairs import (
    IDENTICAL,
    KINDS,
    OTHER_TAXON,
    SAME_TAXON,
    FirstPairs,
    RowPair,
)
from schemas.hamming_index import Hits, near_pairs
from schemas.hash_groups import Group, Rows, expand, groups_of
from schemas.split_hashes import SplitHashes

TRAIN = "train"

MAX_LISTED = 100_000
"""Pairs in a list: more than anybody looks through, 20 MB."""

CROWD_PAIRS = 10_000
"""Two hashes with more pairs of photos than this are a crowd: counted whole, listed in part."""

CROWD_SHOWN = 32
"""Photos of a crowd that are listed, on either side."""

_PAIRS_AT_ONCE = 2**20


@dataclass(frozen=True)
class SplitCounts:
    """How many photos of a held-out split have a counterpart in train.

    Attributes:
        photos: all photos of the split.
        twins: those with the identical file, or with a near-duplicate of their taxon.
        identical: those of them with the identical file.
        other_taxa: photos beyond the twins that have near-duplicates of other taxa only.
    """

    photos: int
    twins: int
    identical: int
    other_taxa: int

    @property
    def share(self) -> float:
        """Twins among the photos, 0..1; 0 for a split without photos."""
        return self.twins / self.photos if self.photos else 0.0

    def __str__(self) -> str:
        """Returns the counts for a person, to stand behind the split's name."""
        text = f"{self.twins:,} of {self.photos:,} photos ({self.share:.2%}) have a twin in train"
        if self.identical:
            text += f", {self.identical:,} of them the very file"
        if self.other_taxa:
            text += f"; near a photo of another taxon only: {self.other_taxa:,}"
        return text


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        counts: by held-out split.
        num_pairs: all pairs.
        listed: the first of them in order.
    """

    counts: Mapping[str, SplitCounts]
    num_pairs: int
    listed: tuple[RowPair, ...]


def find_near_duplicates(
    splits: Sequence[SplitHashes],
    *,
    max_distance: int,
    within: bool = False,
    max_listed: int = MAX_LISTED,
) -> Found:
    """Returns the near-duplicates among photos of different splits.

    Args:
        splits: in the order train, val, test.
        max_distance: 0..8 bits.
        within: pair photos of one split, too.
        max_listed: pairs to list at most.
    """
    listed = FirstPairs(max_listed)
    groups = [groups_of(split) for split in splits]
    counts: dict[str, SplitCounts] = {}
    num_pairs = 0
    for a, b in _combinations(len(splits), within):
        tally = _Tally(splits, a, b, listed)
        tally.search(groups[a].detailed, groups[b].detailed, max_distance)
        tally.search(groups[a].flat, groups[b].flat, 0)
        num_pairs += tally.num_pairs
        if splits[b].split == TRAIN and a != b:
            counts[splits[a].split] = tally.counts()
    return Found(counts, num_pairs, listed.pairs())


def _combinations(num_splits: int, within: bool) -> Iterator[tuple[int, int]]:
    for b, a in itertools.combinations(range(num_splits), 2):
        yield a, b
    if within:
        for number in range(num_splits):
            yield number, number


class _Tally:
    """Counts and lists the pairs of split a with split b, which may be the same.

    Args:
        splits: all splits.
        a: number of the one.
        b: number of the other.
        listed: where to list pairs.
    """

    def __init__(self, splits: Sequence[SplitHashes], a: int, b: int, listed: FirstPairs) -> None:
        self._a, self._b, self._listed = splits[a], splits[b], listed
        self._numbers = (a, b)
        self._within = a == b
        self._has = np.zeros((len(KINDS), len(splits[a])), np.bool_)
        self.num_pairs = 0

    def search(self, a: Group, b: Group, max_distance: int) -> None:
        """Goes through the pairs of some photos of a with some of b."""
        for hits in near_pairs(a.keys, b.keys, max_distance):
            crowded = a.sizes(hits.index_a) * b.sizes(hits.index_b) > CROWD_PAIRS
            for i, j, distance in zip(*hits.where(crowded), strict=True):
                self._add_crowd(a.members(i), b.members(j), distance)
            self._add_each(a, b, hits.where(~crowded))

    def counts(self) -> SplitCounts:
        """Returns the verdict on a, b being train."""
        twin = self._has[IDENTICAL] | self._has[SAME_TAXON]
        return SplitCounts(
            photos=len(self._a),
            twins=int(twin.sum()),
            identical=int(self._has[IDENTICAL].sum()),
            other_taxa=int((self._has[OTHER_TAXON] & ~twin).sum()),
        )

    def _add_each(self, a: Group, b: Group, hits: Hits) -> None:
        """Takes every photo with one hash with every one with the other, so many at once."""
        sizes = a.sizes(hits.index_a) * b.sizes(hits.index_b)
        step = _PAIRS_AT_ONCE // int(sizes.max(initial=1))
        for start in range(0, len(sizes), step):
            part = slice(start, start + step)
            rows_a, rows_b = expand(a, b, hits.index_a[part], hits.index_b[part])
            self._add(rows_a, rows_b, np.repeat(hits.distance[part], sizes[part]))

    def _add(self, rows_a: Rows, rows_b: Rows, distances: npt.NDArray[np.uint8]) -> None:
        if self._within:
            # Each pair comes both ways, and each photo with itself.
            once = rows_a > rows_b
            rows_a, rows_b, distances = rows_a[once], rows_b[once], distances[once]
        kinds = self._list(rows_a, rows_b, distances)
        for kind in (IDENTICAL, SAME_TAXON, OTHER_TAXON):
            self._has[kind, rows_a[kinds == kind]] = True
        self.num_pairs += len(rows_a)

    def _list(self, rows_a: Rows, rows_b: Rows, distances: npt.NDArray[np.uint8]) -> Rows:
        """Returns the kind of each pair, having listed them."""
        identical = self._a.file_key[rows_a] == self._b.file_key[rows_b]
        same = self._a.taxon_id[rows_a] == self._b.taxon_id[rows_b]
        kinds = np.where(identical, IDENTICAL, np.where(same, SAME_TAXON, OTHER_TAXON))
        split_a, split_b = (np.full(len(rows_a), number) for number in self._numbers)
        columns = [kinds, distances, split_a, split_b, rows_a, rows_b]  # As in RowPair.
        self._listed.add(np.stack(columns, axis=1).astype(np.int64))
        return kinds

    def _add_crowd(self, rows_a: Rows, rows_b: Rows, distance: np.uint8) -> None:
        """Takes every photo of `rows_a` with every one of `rows_b`, without forming the pairs."""
        first_a, first_b = rows_a[0], rows_b[0]
        if self._within and first_a < first_b:
            return  # It comes the other way round, too.
        keys_b = np.unique(self._b.file_key[rows_b])
        taxa_a, taxa_b = self._a.taxon_id[rows_a], np.unique(self._b.taxon_id[rows_b])
        self._has[IDENTICAL, rows_a] |= np.isin(self._a.file_key[rows_a], keys_b)
        self._has[SAME_TAXON, rows_a] |= np.isin(taxa_a, taxa_b)
        self._has[OTHER_TAXON, rows_a] |= (len(taxa_b) > 1) | (taxa_a != taxa_b[0])
        left = np.repeat(rows_a[:CROWD_SHOWN], len(rows_b[:CROWD_SHOWN]))
        right = np.tile(rows_b[:CROWD_SHOWN], len(rows_a[:CROWD_SHOWN]))
        if self._within and first_a == first_b:
            self.num_pairs += len(rows_a) * (len(rows_a) - 1) // 2
            left, right = left[left > right], right[left > right]
        else:
            self.num_pairs += len(rows_a) * len(rows_b)
        if self._within:
            left, right = np.maximum(left, right), np.minimum(left, right)
        self._list(left, right, np.full(len(left), distance))
