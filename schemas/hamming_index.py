"""All pairs of 64-bit hashes that differ in few bits, from millions against millions.

Multi-index hashing: cut the 64 bits into m bands. Two hashes that differ in at most d bits differ
in at most d bands, so at least m - d bands are equal. For each choice of m - d bands, both sides
are sorted by those bands, hashes with equal ones are joined, and each candidate is verified by
counting its bits. The result is exact, whatever m; m is taken so that sorting and verifying cost
about the same. A pair that several choices find is given by the first of them only.

    a, b = np.unique(held_out), np.unique(train)
    for hits in near_pairs(a, b, max_distance=4):
        a[hits.index_a], b[hits.index_b], hits.distance

Source: M. Norouzi, A. Punjani, D. Fleet, "Fast Search in Hamming Space with Multi-Index Hashing",
CVPR 2012; requiring several equal bands: G. Manku, A. Jain, A. Das Sarma, "Detecting
Near-Duplicates for Web Crawling", WWW 2007.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]

MAX_DISTANCE = 8
"""Farthest that can be asked for: beyond it hardly a bit is left to sort by."""

CANDIDATES_AT_ONCE = 2**20
"""Pairs verified together: 8 MB an array, which stays near the processor."""

_BITS = 64
_MOST_BANDS = 16
_SORT_COST = 4
"""Sorting one hash takes about as long as verifying so many candidates, as measured."""

_UNEVEN = 9
"""Photos are less evenly spread than chance: so many times more candidates, as measured."""


class Hits(NamedTuple):
    """Some pairs, in parallel arrays.

    Attributes:
        index_a: int64 [N], place in a.
        index_b: int64 [N], place in b.
        distance: uint8 [N], number of bits that differ.
    """

    index_a: Indices
    index_b: Indices
    distance: npt.NDArray[np.uint8]

    def where(self, mask: npt.NDArray[np.bool_]) -> Hits:
        """Returns those pairs alone for which the mask, bool [N], is true."""
        return Hits(self.index_a[mask], self.index_b[mask], self.distance[mask])


@dataclass(frozen=True)
class Band:
    """A run of neighbouring bits.

    Attributes:
        shift: bits below it.
        width: its bits.
    """

    shift: int
    width: int

    @property
    def mask(self) -> np.uint64:
        """The band's bits, in place."""
        return np.uint64(((1 << self.width) - 1) << self.shift)


def near_pairs(
    a: Hashes, b: Hashes, max_distance: int, *, num_bands: int | None = None
) -> Iterator[Hits]:
    """Yields every pair (i, j) whose a[i] and b[j] differ in at most `max_distance` bits.

    Memory is a few times that of a and b, however many pairs there are. Each pair comes once; the
    order is the same each time.

    Args:
        a: uint64 [N], sorted, each hash once, as np.unique gives them.
        b: uint64 [M], likewise. It may be a itself; pairs then come both ways, and (i, i) too.
        max_distance: 0..8 bits.
        num_bands: m, max_distance + 1 .. 16; by default the cheapest.

    Raises:
        ValueError: if the distance is not 0..8.
    """
    if not 0 <= max_distance <= MAX_DISTANCE:
        raise ValueError(f"max_distance must be 0..{MAX_DISTANCE} bits. Received: {max_distance}.")
    if not len(a) or not len(b):
        return
    bands = cut(num_bands or cheapest_bands(len(a), len(b), max_distance))
    for chosen in itertools.combinations(range(len(bands)), len(bands) - max_distance):
        for hits_a, hits_b in _join(a, b, bands, chosen, max_distance):
            yield Hits(
                np.searchsorted(a, hits_a).astype(np.int64),
                np.searchsorted(b, hits_b).astype(np.int64),
                np.bitwise_count(hits_a ^ hits_b),
            )


def cut(num_bands: int) -> tuple[Band, ...]:
    """Returns the 64 bits in bands as equal as can be, from the most significant bit down."""
    edges = [_BITS * number // num_bands for number in range(num_bands + 1)]
    return tuple(
        Band(_BITS - end, end - start) for start, end in itertools.pairwise(edges) if end > start
    )


def cheapest_bands(num_a: int, num_b: int, max_distance: int) -> int:
    """Returns the number of bands with which so many hashes are paired at the least cost.

    Args:
        num_a: hashes on one side.
        num_b: hashes on the other.
        max_distance: bits.
    """

    def cost(num_bands: int) -> float:
        equal = num_bands - max_distance
        choices = math.comb(num_bands, equal)
        candidates = _UNEVEN * num_a * num_b / 2.0 ** (_BITS * equal / num_bands)
        return choices * (_SORT_COST * (num_a + num_b) + candidates)

    return min(range(max_distance + 1, _MOST_BANDS + 1), key=cost)


def _join(
    a: Hashes, b: Hashes, bands: tuple[Band, ...], chosen: tuple[int, ...], max_distance: int
) -> Iterator[tuple[Hashes, Hashes]]:
    """Yields the near pairs of which `chosen` are the first bands that are equal."""
    # Bits are moved so that the chosen bands come first; then the sorted hashes are their own
    # index, and no array of places has to be carried along.
    order = [bands[number] for number in (*chosen, *_others(chosen, len(bands)))]
    moved_a, moved_b = _move(a, order), _move(b, order)
    moved_a.sort()
    moved_b.sort()
    below = np.uint64((1 << (_BITS - sum(bands[number].width for number in chosen))) - 1)
    first = np.searchsorted(moved_b, moved_a & ~below, side="left")
    behind = np.searchsorted(moved_b, moved_a | below, side="right")
    earlier = [bands[number] for number in _others(chosen, chosen[-1])] if chosen else []
    for left, right in _candidates(first, behind):
        pair_a, pair_b = moved_a[left], moved_b[right]
        near = np.bitwise_count(pair_a ^ pair_b) <= max_distance
        hits_a, hits_b = _move_back(pair_a[near], order), _move_back(pair_b[near], order)
        new = np.ones(len(hits_a), np.bool_)
        for band in earlier:
            new &= ((hits_a ^ hits_b) & band.mask) != 0
        if new.any():
            yield hits_a[new], hits_b[new]


def _others(chosen: tuple[int, ...], stop: int) -> list[int]:
    return [number for number in range(stop) if number not in chosen]


def _candidates(first: Indices, behind: Indices) -> Iterator[tuple[Indices, Indices]]:
    """Yields (left, right) places of candidates, `CANDIDATES_AT_ONCE` at a time.

    Args:
        first: int64 [N], for each left place the first right place it is joined with.
        behind: int64 [N], the right place after the last one.
    """
    ends = np.cumsum(behind - first)
    total = int(ends[-1])
    for start in range(0, total, CANDIDATES_AT_ONCE):
        stop = min(start + CANDIDATES_AT_ONCE, total)
        # Left places whose candidates begin before `stop` and end behind `start`.
        low, high = np.searchsorted(ends, [start, stop - 1], side="right")
        begins = ends[low : high + 1] - (behind - first)[low : high + 1]
        counts = np.minimum(ends[low : high + 1], stop) - np.maximum(begins, start)
        left = np.repeat(np.arange(low, high + 1), counts)
        number = np.arange(start, stop) - np.repeat(begins, counts)
        yield left, first[left] + number


def _move(hashes: Hashes, order: list[Band]) -> Hashes:
    """Returns the hashes with their bands in another order, the first on top."""
    moved, top = np.zeros_like(hashes), _BITS
    for band in order:
        top -= band.width
        moved |= _shift(hashes & band.mask, top - band.shift)
    return moved


def _move_back(moved: Hashes, order: list[Band]) -> Hashes:
    hashes, top = np.zeros_like(moved), _BITS
    for band in order:
        top -= band.width
        here = Band(top, band.width)
        hashes |= _shift(moved & here.mask, band.shift - top)
    return hashes


def _shift(bits: Hashes, up: int) -> Hashes:
    """Shifts in place, up or, if negative, down."""
    if up >= 0:
        return np.left_shift(bits, np.uint64(up), out=bits)
    return np.right_shift(bits, np.uint64(-up), out=bits)
