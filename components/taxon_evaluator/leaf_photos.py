"""What can be said of each leaf's photos without looking at them: copies, observers, observations.

Counted from the photo index, for the diagnoses of `problems`. Copies are photos of equal pHash, as
no pair of different photos was found to be (docs/near-duplicates.md); photos with too little detail
for one are not looked at.

    leaves = count_leaf_photos([index_uri], taxonomy)
    leaves.copies[3], leaves.top_observer[3]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.taxon_evaluator.observer_hashes import hash_observers
from schemas.photo_hash import LEAST_BITS_SET
from schemas.photo_index import read_index
from schemas.record import SPLITS
from schemas.taxonomy import Taxonomy

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

TRAIN = SPLITS[0]

_COLUMNS = ("taxon_id", "observation_id", "observer", "phash")


@dataclass(frozen=True, eq=False)
class LeafPhotos:
    """Counts of N leaves.

    Attributes:
        observations: int64 [N], of all splits.
        top_observer: int64 [N], training photos of the one who took most; 0 where nobody is named.
        copies: int64 [N], training photos that another one of the leaf has the hash of, less one
            of each hash.
        copies_elsewhere: int64 [N], training photos that a training photo of another leaf has the
            hash of.
    """

    observations: Ints
    top_observer: Ints
    copies: Ints
    copies_elsewhere: Ints

    def arrays(self) -> dict[str, Ints]:
        """Returns the counts by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def count_leaf_photos(index_dirs: Sequence[Path], taxonomy: Taxonomy) -> LeafPhotos:
    """Returns what photo indexes hold together.

    Args:
        index_dirs: of PhotoIndex artifacts.
        taxonomy: of the model; photos of other taxa are not counted.
    """
    count = taxonomy.num_leaves
    observations, observers, hashes = (_Pairs(count) for _ in range(3))
    for index_dir, split in product(index_dirs, SPLITS):
        for whole in read_index(index_dir, split, _COLUMNS):
            leaves, known = leaf_classes(whole["taxon_id"].to_numpy(), taxonomy)
            table, leaves = whole.filter(pa.array(known)), leaves[known]
            # Which split an observation is of makes no other one of it.
            observations.add(leaves, table["observation_id"].to_numpy().view(np.uint64))
            if split == TRAIN:
                named = table["observer"].is_valid().to_numpy()
                names = table["observer"].filter(pa.array(named))
                observers.add(leaves[named], _hashed(names))
                photo_hashes = table["phash"].to_numpy()
                detailed = np.bitwise_count(photo_hashes) >= LEAST_BITS_SET
                hashes.add(leaves[detailed], photo_hashes[detailed])
    return LeafPhotos(
        observations.different(),
        observers.most(),
        *hashes.repeated(),
    )


def leaf_classes(taxa: Ints, taxonomy: Taxonomy) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Returns (int64 [B], bool [B]): leaf class of each taxon, and whether it is a leaf."""
    order = np.argsort(taxonomy.leaf_taxon_ids)
    ordered = taxonomy.leaf_taxon_ids[order]
    place = np.minimum(np.searchsorted(ordered, taxa), len(order) - 1)
    return order[place], np.asarray(ordered[place] == taxa)


class _Pairs:
    """How often each (leaf, value) was seen; a part a file, put together at the end.

    Args:
        count: N, leaves.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._leaves: list[npt.NDArray[np.int32]] = []
        self._values: list[Hashes] = []
        self._times: list[npt.NDArray[np.int32]] = []

    def add(self, leaves: Ints, values: Hashes) -> None:
        """Counts B pairs."""
        self._keep(leaves, values, np.ones(len(leaves), np.int64))

    def different(self) -> Ints:
        """Returns int64 [N]: different values of each leaf."""
        return np.bincount(self._whole()[0], minlength=self._count)

    def most(self) -> Ints:
        """Returns int64 [N]: how often the most frequent value of each leaf was seen."""
        leaves, _, times = self._whole()
        most = np.zeros(self._count, np.int64)
        np.maximum.at(most, leaves, times)
        return most

    def repeated(self) -> tuple[Ints, Ints]:
        """Returns int64 [N] twice: repeats of a value in its leaf, and pairs of other leaves'."""
        leaves, values, times = self._whole()
        repeats = np.bincount(leaves, times - 1, minlength=self._count).astype(np.int64)
        # Pairs are sorted by value, so that those of one value stand together.
        starts = np.concatenate([[True], values[1:] != values[:-1]])[: len(values)]
        group = np.cumsum(starts) - 1
        shared = np.bincount(group)[group] > 1
        elsewhere = np.bincount(leaves[shared], times[shared], minlength=self._count)
        return repeats, elsewhere.astype(np.int64)

    def _keep(self, leaves: Ints, values: Hashes, times: Ints) -> None:
        found = _counted(leaves, values, times)
        self._leaves.append(found[0].astype(np.int32))
        self._values.append(found[1])
        self._times.append(found[2].astype(np.int32))

    def _whole(self) -> tuple[Ints, Hashes, Ints]:
        if not self._leaves:
            return np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.int64)
        return _counted(
            np.concatenate(self._leaves).astype(np.int64),
            np.concatenate(self._values),
            np.concatenate(self._times).astype(np.int64),
        )


def _counted(leaves: Ints, values: Hashes, times: Ints) -> tuple[Ints, Hashes, Ints]:
    """Each pair once, by value and then leaf, with its times added up."""
    order = np.lexsort((leaves, values))
    leaves, values, times = leaves[order], values[order], times[order]
    new = np.ones(len(leaves), bool)
    new[1:] = (leaves[1:] != leaves[:-1]) | (values[1:] != values[:-1])
    starts = np.flatnonzero(new)
    summed = np.add.reduceat(times, starts) if len(starts) else times
    return leaves[starts], values[starts], summed.astype(np.int64)


def _hashed(names: pa.ChunkedArray) -> Hashes:
    # A name is hashed once a file.
    encoded = pa.concat_arrays(names.chunks or [pa.array([], pa.string())]).dictionary_encode()
    return hash_observers(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]
