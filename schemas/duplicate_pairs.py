"""Pairs of photos that are the same or nearly the same, and the list of them for people.

    near_duplicates.csv: kind,distance,split_a,photo_id_a,...,split_b,photo_id_b,...,path_b

In the order of the list: identical files, then near-duplicates of one taxon, then those of two
taxa; in each of these the nearest first.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.split_hashes import IndexedPhoto, SplitHashes

PAIRS_FILE = "near_duplicates.csv"

IDENTICAL, SAME_TAXON, OTHER_TAXON = range(3)
"""Kinds of pairs by number, in the order of the list."""

Kind = Literal["identical", "same taxon", "other taxon"]
KINDS: tuple[Kind, ...] = ("identical", "same taxon", "other taxon")
"""Names of the kinds: the files are equal byte for byte; near-duplicates of one taxon; of two."""

_PHOTO_COLUMNS = ("photo_id", "observation_id", "taxon_id", "path")

_SPARE_PAIRS = 2**20


class RowPair(NamedTuple):
    """A pair by the numbers of its photos; sorting gives the order of the list.

    Attributes:
        kind: IDENTICAL, SAME_TAXON or OTHER_TAXON.
        distance: bits that differ.
        split_a: number of the split of the one photo.
        split_b: number of the split of the other; not after split_a.
        row_a: number of the one photo in its split.
        row_b: number of the other; below row_a if both are in one split.
    """

    kind: int
    distance: int
    split_a: int
    split_b: int
    row_a: int
    row_b: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photos.

    Attributes:
        kind: see `KINDS`.
        distance: bits of the perceptual hashes that differ; 0 for identical files.
        split_a: the later of the two splits: train, val, test.
        a: the photo in it.
        split_b: the earlier split.
        b: the photo in that one.
    """

    kind: Kind
    distance: int
    split_a: str
    a: IndexedPhoto
    split_b: str
    b: IndexedPhoto

    @property
    def identical(self) -> bool:
        """Whether the files are equal byte for byte."""
        return self.kind == "identical"

    def line(self) -> str:
        """Returns "0 bits, same taxon: val photos/1/medium.jpg = train photos/2/medium.jpg"."""
        bits = "1 bit" if self.distance == 1 else f"{self.distance} bits"
        how = "identical" if self.identical else f"{bits}, {self.kind}"
        return f"{how}: {self.split_a} {self.a.path} = {self.split_b} {self.b.path}"


class FirstPairs:
    """The first pairs in the order of the list, out of ever so many.

    Args:
        most: pairs to keep.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._chunks: list[npt.NDArray[np.int64]] = []
        self._held = 0

    def add(self, pairs: npt.NDArray[np.int64]) -> None:
        """Takes pairs: int64 [N, 6], columns as in `RowPair`."""
        self._chunks.append(pairs)
        self._held += len(pairs)
        if self._held > self._most + _SPARE_PAIRS:
            self._cut()

    def pairs(self) -> tuple[RowPair, ...]:
        """Returns the first ones, in order."""
        self._cut()
        return tuple(RowPair(*row) for row in np.concatenate(self._chunks).tolist())

    def _cut(self) -> None:
        rows = np.concatenate([np.empty((0, len(RowPair._fields)), np.int64), *self._chunks])
        rows = rows[np.lexsort(rows.T[::-1])[: self._most]]
        self._chunks, self._held = [rows], len(rows)


def look_up(pairs: Sequence[RowPair], splits: Sequence[SplitHashes]) -> list[Pair]:
    """Returns pairs with what is known of their photos.

    Args:
        pairs: as found.
        splits: as they were searched.
    """
    wanted: list[list[int]] = [[] for _ in splits]
    for pair in pairs:
        wanted[pair.split_a].append(pair.row_a)
        wanted[pair.split_b].append(pair.row_b)
    known = [
        split.photos(np.array(rows, np.int64)) for split, rows in zip(splits, wanted, strict=True)
    ]
    return [
        Pair(
            KINDS[pair.kind],
            pair.distance,
            splits[pair.split_a].split,
            known[pair.split_a][pair.row_a],
            splits[pair.split_b].split,
            known[pair.split_b][pair.row_b],
        )
        for pair in pairs
    ]


def write_pairs(pairs: Iterable[Pair], path: Path) -> None:
    """Writes the list as CSV, a row a pair."""
    sides = [f"{name}_{side}" for side in "ab" for name in ("split", *_PHOTO_COLUMNS)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["kind", "distance", *sides])
        for pair in pairs:
            cells_a, cells_b = (
                [getattr(photo, name) for name in _PHOTO_COLUMNS] for photo in (pair.a, pair.b)
            )
            row = [pair.kind, pair.distance, pair.split_a, *cells_a, pair.split_b, *cells_b]
            writer.writerow(row)
