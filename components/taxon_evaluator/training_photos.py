"""What the model was trained on, as far as slices ask: photos of each leaf, and who observed.

Counted once from the photo index, written beside the evaluation, and read by every worker.
Observers are kept as 64-bit hashes: eight bytes each, where a big export has millions.

    training = count_training_photos(index_uri, taxonomy)
    training.knows(["kueda", None])     # bool [2]
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from schemas.photo_index import read_index
from schemas.record import SPLITS
from schemas.taxonomy import Taxonomy

TRAIN = SPLITS[0]


@dataclass(frozen=True, eq=False)
class TrainingPhotos:
    """Counts of the train split.

    Attributes:
        per_leaf: int64 [N], photos of each leaf class.
        observers: uint64, sorted: hashes of who observed one; empty where the export names nobody.
    """

    per_leaf: npt.NDArray[np.int64]
    observers: npt.NDArray[np.uint64]

    def knows(self, observers: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Returns bool: whether each observer took one of the training photos."""
        return np.isin(hash_observers(observers), self.observers)

    def save(self, path: Path) -> None:
        """Writes an .npz file."""
        np.savez_compressed(path, per_leaf=self.per_leaf, observers=self.observers)

    @classmethod
    def load(cls, path: Path) -> TrainingPhotos:
        """Reads what `save` wrote."""
        with np.load(path) as arrays:
            return cls(arrays["per_leaf"], arrays["observers"])


def count_training_photos(index_dir: Path, taxonomy: Taxonomy) -> TrainingPhotos:
    """Returns what the train split of a photo index holds.

    Args:
        index_dir: of a PhotoIndex artifact.
        taxonomy: of the model; photos of other taxa are not counted.
    """
    per_leaf = np.zeros(taxonomy.num_leaves, np.int64)
    order = np.argsort(taxonomy.leaf_taxon_ids)
    sorted_taxa = taxonomy.leaf_taxon_ids[order]
    observers = np.zeros(0, np.uint64)
    for table in read_index(index_dir, TRAIN, ["taxon_id", "observer"]):
        taxa = table["taxon_id"].to_numpy()
        place = np.minimum(np.searchsorted(sorted_taxa, taxa), len(order) - 1)
        known = sorted_taxa[place] == taxa
        per_leaf += np.bincount(order[place[known]], minlength=len(order))
        names = table["observer"].unique().drop_null().to_pylist()
        observers = np.union1d(observers, hash_observers(names))
    return TrainingPhotos(per_leaf, observers)


def hash_observers(names: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Returns uint64: a hash of each name, the same on every machine."""
    digests = (hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(b"".join(digests), np.uint64)
