from __future__ import annotations

from pathlib import Path

import numpy as np

from components.taxon_evaluator.training_photos import TrainingPhotos, count_training_photos
from schemas.photo_index import IndexRow, index_file, write_index
from schemas.taxonomy import Taxonomy

TAXA = (70, 30, 50)
TAXONOMY = Taxonomy(
    taxon_ids=np.array(TAXA),
    parent_nodes=np.full(3, -1, np.int32),
    rank_levels=np.full(3, 10, np.float32),
    leaf_class_ids=np.array([0, 1, 2], np.int32),
    iconic_taxon_ids=np.zeros(3, np.int64),
    names=("a", "b", "c"),
)


def write(directory: Path, split: str, number: int, photos: list[tuple[int, str | None]]) -> None:
    rows = [
        IndexRow(i + 1, 1, None, taxon, 2, "p.jpg", None, "00", 0, None, None, observer)
        for i, (taxon, observer) in enumerate(photos)
    ]
    write_index(rows, index_file(directory, split, number, 2))


def test_train_photos_of_all_files_are_counted_by_leaf(tmp_path: Path) -> None:
    write(tmp_path, "train", 0, [(50, "ada"), (70, "bo"), (50, None), (999, "dee")])
    write(tmp_path, "train", 1, [(50, "ada")])
    write(tmp_path, "val", 0, [(30, "cleo")])

    training = count_training_photos(tmp_path, TAXONOMY)
    training.save(tmp_path / "training.npz")
    read = TrainingPhotos.load(tmp_path / "training.npz")

    assert read.per_leaf.tolist() == [1, 0, 3]
    assert read.knows(["ada", "bo", "cleo", ""]).tolist() == [True, True, False, False]


def test_export_that_names_nobody_knows_nobody(tmp_path: Path) -> None:
    write(tmp_path, "train", 0, [(50, None)])

    training = count_training_photos(tmp_path, TAXONOMY)

    assert training.knows(["ada"]).tolist() == [False]
