"""What can be said of each leaf's photos without looking at them: copies, observers, observations.

Counted from the photo index, for the diagnoses of `problems`. Copies are photos of equal pHash, as
no pair of different photos was found to be (docs/near-duplicates.md); photos with too little detail
for one are not looked at.

    leaves = count_leaf_photos([index_uri], taxonomy)
    leaves.copies[3], leaves.top_observer[3]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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

PARTS = 16
"""Parts that the photos are counted in, by their values."""


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

    def counted(splits: Sequence[str], column: str, hashed: _Hashed) -> Iterator[_Counted]:
        # A column at a time, in parts: 12 bytes a photo are held, of 30 million 360 MB.
        return _by_parts(list(_pairs(index_dirs, splits, column, hashed, taxonomy)))

    leaves = taxonomy.num_leaves
    observations, top_observer, copies, elsewhere = np.zeros((4, leaves), np.int64)
    for pairs in counted(SPLITS, "observation_id", _observations):
        observations += np.bincount(pairs.leaves, minlength=leaves)
    for pairs in counted(SPLITS[:1], "observer", _observers):
        np.maximum.at(top_observer, pairs.leaves, pairs.times)
    for pairs in counted(SPLITS[:1], "phash", _photo_hashes):
        np.add.at(copies, pairs.leaves, pairs.times - 1)
        shared = pairs.of_several_leaves()
        np.add.at(elsewhere, pairs.leaves[shared], pairs.times[shared])
    return LeafPhotos(observations, top_observer, copies, elsewhere)


def leaf_classes(taxa: Ints, taxonomy: Taxonomy) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Returns (int64 [B], bool [B]): leaf class of each taxon, and whether it is a leaf."""
    order = np.argsort(taxonomy.leaf_taxon_ids)
    ordered = taxonomy.leaf_taxon_ids[order]
    place = np.minimum(np.searchsorted(ordered, taxa), len(order) - 1)
    return order[place], np.asarray(ordered[place] == taxa)


@dataclass(frozen=True, eq=False)
class _Counted:
    """Pairs of leaf and value, each once, by value and then leaf, and how often each was seen."""

    leaves: Ints
    values: Hashes
    times: Ints

    def of_several_leaves(self) -> npt.NDArray[np.bool_]:
        """bool: whether another leaf has the value, too."""
        new = np.ones(len(self.values), bool)
        new[1:] = self.values[1:] != self.values[:-1]
        group = np.cumsum(new) - 1
        return np.asarray(np.bincount(group)[group] > 1) if len(group) else new


def _pairs(
    index_dirs: Sequence[Path],
    splits: Sequence[str],
    column: str,
    hashed: _Hashed,
    taxonomy: Taxonomy,
) -> Iterator[tuple[npt.NDArray[np.int32], Hashes]]:
    """Yields leaf and value of each photo that has one, file by file."""
    for index_dir, split in product(index_dirs, splits):
        for table in read_index(index_dir, split, ["taxon_id", column]):
            leaves, known = leaf_classes(table["taxon_id"].to_numpy(), taxonomy)
            values, has_value = hashed(pa.concat_arrays(table[column].chunks))
            known &= has_value
            yield leaves[known].astype(np.int32), values[known]
            # Arrow keeps what it no longer needs: of 30 million photos a gigabyte and more.
            del table, values
            pa.default_memory_pool().release_unused()


def _by_parts(pairs: Sequence[tuple[npt.NDArray[np.int32], Hashes]]) -> Iterator[_Counted]:
    """Counts a part of the values after the other: only so many are sorted at once."""
    for part in range(PARTS if pairs else 0):
        inside = [values % PARTS == part for _, values in pairs]
        yield _counted(
            np.concatenate([leaves[kept] for (leaves, _), kept in zip(pairs, inside, strict=True)]),
            np.concatenate([values[kept] for (_, values), kept in zip(pairs, inside, strict=True)]),
        )


def _counted(leaves: npt.NDArray[np.int32], values: Hashes) -> _Counted:
    order = np.lexsort((leaves, values))
    leaves, values = leaves[order], values[order]
    new = np.ones(len(leaves), bool)
    new[1:] = (leaves[1:] != leaves[:-1]) | (values[1:] != values[:-1])
    starts = np.flatnonzero(new)
    times = np.diff(np.append(starts, len(leaves)))
    return _Counted(leaves[starts].astype(np.int64), values[starts], times)


_Hashed = Callable[[pa.Array], tuple[Hashes, npt.NDArray[np.bool_]]]
"""A column -> a value of each photo, and whether it has one."""


def _observations(ids: pa.Array) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    return ids.to_numpy().view(np.uint64), np.ones(len(ids), bool)


def _observers(names: pa.Array) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    # A name is hashed once a file; nobody's is the empty name's.
    encoded = names.fill_null("").dictionary_encode()
    hashes = hash_observers(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]
    return hashes, names.is_valid().to_numpy(zero_copy_only=False)


def _photo_hashes(hashes: pa.Array) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    values = hashes.to_numpy()
    return values, np.bitwise_count(values) >= LEAST_BITS_SET
