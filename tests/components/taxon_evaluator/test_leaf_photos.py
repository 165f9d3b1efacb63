"""Copies, observers and observations of leaves, against a plain count."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from components.taxon_evaluator.leaf_photos import count_leaf_photos
from components.taxon_evaluator.training_photos import TrainingPhotos
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
PLAIN = 0b1011
"""A hash of a photo without detail: all of them look alike."""
HASHES = (2**64 - 1, 2**63 + 2**40 - 1, 2**32 - 1, PLAIN)
PHOTO = st.tuples(
    st.sampled_from([*TAXA, 999]),
    st.integers(1, 4),
    st.sampled_from(["ada", "bo", None]),
    st.sampled_from(HASHES),
)


def write(directory: Path, split: str, number: int, photos: list[tuple]) -> None:
    rows = [
        IndexRow(i + 1, observation, None, taxon, 2, "p.jpg", None, "00", phash, None, None, who)
        for i, (taxon, observation, who, phash) in enumerate(photos)
    ]
    write_index(rows, index_file(directory, split, number, 2))


@given(
    first=st.lists(PHOTO, max_size=12),
    second=st.lists(PHOTO, max_size=12),
    val=st.lists(PHOTO, max_size=6),
)
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_are_those_of_a_plain_count(
    first: list[tuple], second: list[tuple], val: list[tuple], tmp_path: Path
) -> None:
    for number, photos in enumerate((first, second)):
        write(tmp_path, "train", number, photos)
    write(tmp_path, "val", 0, val)

    found = count_leaf_photos([tmp_path], TAXONOMY)

    train = [photo for photo in first + second if photo[0] in TAXA]
    hashed = Counter((taxon, phash) for taxon, _, _, phash in train if phash != PLAIN)
    observed = {(taxon, observation) for taxon, observation, _, _ in train + val}
    people = Counter((taxon, who) for taxon, _, who, _ in train if who)
    for leaf, own in enumerate(TAXA):
        assert found.observations[leaf] == sum(taxon == own for taxon, _ in observed)
        assert found.top_observer[leaf] == max(
            (times for (taxon, _), times in people.items() if taxon == own), default=0
        )
        assert found.copies[leaf] == sum(
            times - 1 for (taxon, _), times in hashed.items() if taxon == own
        )
        assert found.copies_elsewhere[leaf] == sum(
            times
            for (taxon, phash), times in hashed.items()
            if taxon == own and any((other, phash) in hashed for other in TAXA if other != own)
        )


def test_counts_are_kept_beside_those_of_training(tmp_path: Path) -> None:
    write(tmp_path, "train", 0, [(70, 1, "ada", HASHES[0]), (70, 2, "ada", HASHES[0])])
    none = np.zeros(0, np.uint64)
    training = TrainingPhotos(np.array([2, 0, 0]), none, count_leaf_photos([tmp_path], TAXONOMY))

    training.save(tmp_path / "training.npz")
    read = TrainingPhotos.load(tmp_path / "training.npz").leaves
    TrainingPhotos(np.array([2, 0, 0]), none).save(tmp_path / "without.npz")

    assert read is not None
    assert {name: counts.tolist() for name, counts in read.arrays().items()} == {
        "observations": [2, 0, 0],
        "top_observer": [2, 0, 0],
        "copies": [1, 0, 0],
        "copies_elsewhere": [0, 0, 0],
    }
    assert TrainingPhotos.load(tmp_path / "without.npz").leaves is None
