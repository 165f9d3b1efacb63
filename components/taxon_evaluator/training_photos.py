"""What the model was trained on, as far as slices ask: photos of each leaf, and who observed.

Counted once from the photo index, written beside the evaluation, and read by every worker.
Observers are kept as 64-bit hashes: eight bytes each, where a big export has millions.

    training = count_training_photos(index_uri, taxonomy)
    training.knows(["kueda", None])     # bool [2]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.leaf_photos import LeafPhotos, leaf_classes
from components.taxon_evaluator.observer_hashes import hash_observers
from schemas.photo_index import read_index
from schemas.record import SPLITS
from schemas.taxonomy import Taxonomy

__all__ = ["TrainingPhotos", "count_training_photos", "hash_observers"]

TRAIN = SPLITS[0]


@dataclass(frozen=True, eq=False)
class TrainingPhotos:
    """Counts of the train split.

    Attributes:
        per_leaf: int64 [N], photos of each leaf class.
        observers: uint64, sorted: hashes of who observed one; empty where the export names nobody.
        leaves: what else is known of each leaf's photos; None where nobody asked.
    """

    per_leaf: npt.NDArray[np.int64]
    observers: npt.NDArray[np.uint64]
    leaves: LeafPhotos | None = None

    def knows(self, observers: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Returns bool: whether each observer took one of the training photos."""
        return np.isin(hash_observers(observers), self.observers)

    def save(self, path: Path) -> None:
        """Writes an .npz file."""
        arrays: dict[str, Any] = {"per_leaf": self.per_leaf, "observers": self.observers}
        arrays |= self.leaves.arrays() if self.leaves else {}
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> TrainingPhotos:
        """Reads what `save` wrote."""
        with np.load(path) as arrays:
            names = [field.name for field in fields(LeafPhotos)]
            known = all(name in arrays for name in names)
            leaves = LeafPhotos(*(arrays[name] for name in names)) if known else None
            return cls(arrays["per_leaf"], arrays["observers"], leaves)


def count_training_photos(index_dir: Path, taxonomy: Taxonomy) -> TrainingPhotos:
    """Returns what the train split of a photo index holds.

    Args:
        index_dir: of a PhotoIndex artifact.
        taxonomy: of the model; photos of other taxa are not counted.
    """
    per_leaf = np.zeros(taxonomy.num_leaves, np.int64)
    observers = np.zeros(0, np.uint64)
    for table in read_index(index_dir, TRAIN, ["taxon_id", "observer"]):
        leaves, known = leaf_classes(table["taxon_id"].to_numpy(), taxonomy)
        per_leaf += np.bincount(leaves[known], minlength=len(per_leaf))
        names = table["observer"].unique().drop_null().to_pylist()
        observers = np.union1d(observers, hash_observers(names))
    return TrainingPhotos(per_leaf, observers)
