from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

import schemas.near_duplicates
from schemas.duplicate_pairs import RowPair, look_up, write_pairs
from schemas.errors import DataError
from schemas.near_duplicates import Found, SplitCounts, find_near_duplicates
from schemas.photo_index import SCHEMA, index_file, index_files
from schemas.split_hashes import SplitHashes

PHOTO = 0x0000_FFFF_0000_FFFF
"""Hash of a photo with detail: half of its bits are set."""
FLAT = 1 << 63

Photo = tuple[int, int, str]
"""Hash, taxon, contents of the file."""


def indexed(directory: Path, split: str, photos: Sequence[Photo], files: int = 1) -> SplitHashes:
    """Writes photos as a photo index and reads them back."""
    offset = {"train": 1000, "val": 2000, "test": 3000}[split]
    rows = [
        {
            "photo_id": offset + number,
            "observation_id": offset + number,
            "taxon_id": taxon,
            "row_number": number + 2,
            "path": f"photos/{offset + number}/medium.jpg",
            "sha256": hashlib.sha256(contents.encode()).hexdigest(),
            "phash": phash,
        }
        for number, (phash, taxon, contents) in enumerate(photos)
    ]
    for number in range(files):
        path = index_file(directory, split, number, files)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = rows[len(rows) * number // files : len(rows) * (number + 1) // files]
        pq.write_table(pa.Table.from_pylist(part, SCHEMA), path)
    return SplitHashes.read(split, index_files(directory, split))


def in_memory(split: str, photos: Sequence[Photo]) -> SplitHashes:
    keys = [hashlib.sha256(contents.encode()).digest()[:8] for _, _, contents in photos]
    return SplitHashes(
        split,
        (),
        np.array([phash for phash, _, _ in photos], np.uint64),
        np.array([int.from_bytes(key, "big") for key in keys], np.uint64),
        np.array([taxon for _, taxon, _ in photos], np.int64),
    )


def flip(phash: int, *bits: int) -> int:
    return phash ^ sum(1 << bit for bit in bits)


def test_twins_of_held_out_photos_are_counted_and_listed(tmp_path: Path) -> None:
    train = indexed(tmp_path, "train", [(PHOTO, 7, "a"), (PHOTO << 8, 8, "b")], files=2)
    val = indexed(
        tmp_path,
        "val",
        [
            (PHOTO, 7, "a"),  # The very file.
            (flip(PHOTO, 1, 40), 7, "c"),  # A copy of it.
            (flip(PHOTO << 8, 1, 2, 3, 4), 7, "d"),  # Near a photo of another taxon only.
            (flip(PHOTO, 1, 2, 3, 4, 5), 7, "e"),  # Too far from any.
        ],
    )
    found = find_near_duplicates([train, val], max_distance=4)

    assert found.counts == {"val": SplitCounts(photos=4, twins=2, identical=1, other_taxa=1)}
    assert found.counts["val"].share == 0.5
    assert found.num_pairs == 3
    assert [pair.line() for pair in look_up(found.listed, [train, val])] == [
        "identical: val photos/2000/medium.jpg = train photos/1000/medium.jpg",
        "2 bits, same taxon: val photos/2001/medium.jpg = train photos/1000/medium.jpg",
        "4 bits, other taxon: val photos/2002/medium.jpg = train photos/1001/medium.jpg",
    ]


def test_list_names_both_photos_of_a_pair(tmp_path: Path) -> None:
    train = indexed(tmp_path, "train", [(PHOTO, 7, "a")])
    test = indexed(tmp_path, "test", [(0, 1, "z"), (flip(PHOTO, 0, 9), 8, "c")])
    found = find_near_duplicates([train, test], max_distance=4)

    write_pairs(look_up(found.listed, [train, test]), tmp_path / "list.csv")

    with (tmp_path / "list.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == [
            {
                "kind": "other taxon",
                "distance": "2",
                "split_a": "test",
                "photo_id_a": "3001",
                "observation_id_a": "3001",
                "taxon_id_a": "8",
                "path_a": "photos/3001/medium.jpg",
                "split_b": "train",
                "photo_id_b": "1000",
                "observation_id_b": "1000",
                "taxon_id_b": "7",
                "path_b": "photos/1000/medium.jpg",
            }
        ]


def test_val_and_test_are_paired_but_judged_against_train_only() -> None:
    splits = [
        in_memory("train", [(PHOTO << 8, 1, "a")]),
        in_memory("val", [(PHOTO, 1, "b")]),
        in_memory("test", [(PHOTO, 1, "b")]),
    ]
    found = find_near_duplicates(splits, max_distance=2)

    assert found.listed == (RowPair(kind=0, distance=0, split_a=2, split_b=1, row_a=0, row_b=0),)
    assert {split: counts.twins for split, counts in found.counts.items()} == {"val": 0, "test": 0}


def test_photos_without_detail_are_twins_only_as_the_same_file() -> None:
    train = in_memory("train", [(FLAT, 1, "black"), (0, 1, "white")])
    val = in_memory("val", [(FLAT, 1, "night"), (FLAT, 2, "black"), (0, 1, "fog")])
    found = find_near_duplicates([train, val], max_distance=8)

    assert found.counts["val"] == SplitCounts(photos=3, twins=1, identical=1, other_taxa=0)
    assert found.listed == (RowPair(0, 0, 1, 0, row_a=1, row_b=0),)


def test_inside_a_split_each_pair_comes_once() -> None:
    photos = [
        (PHOTO, 1, "a"),
        (PHOTO, 1, "a"),
        (flip(PHOTO, 3), 2, "b"),
        (~PHOTO & 2**64 - 1, 1, "c"),
    ]
    train, val = in_memory("train", photos), in_memory("val", [])
    found = find_near_duplicates([train, val], max_distance=1, within=True)

    assert found.num_pairs == 3
    assert [(pair.row_a, pair.row_b, pair.kind) for pair in found.listed] == [
        (1, 0, 0),
        (2, 0, 2),
        (2, 1, 2),
    ]
    assert find_near_duplicates([train, val], max_distance=1).num_pairs == 0


def test_a_crowd_with_one_hash_is_counted_whole_and_listed_in_part() -> None:
    train = in_memory("train", [(PHOTO, taxon % 3, f"t{taxon}") for taxon in range(300)])
    val = in_memory("val", [(PHOTO, 1 + taxon % 4, f"v{taxon}") for taxon in range(300)])
    found = find_near_duplicates([train, val], max_distance=0)

    assert found.num_pairs == 90_000
    # Taxa 1 and 2 are in train too, taxa 3 and 4 are not.
    assert found.counts["val"] == SplitCounts(photos=300, twins=150, identical=0, other_taxa=150)
    assert len(found.listed) == 32 * 32


def test_longest_list_keeps_the_nearest() -> None:
    train = in_memory("train", [(PHOTO, 1, "t")])
    val = in_memory("val", [(flip(PHOTO, *range(n)), 1, f"{n}") for n in (3, 0, 2, 1, 4)])
    found = find_near_duplicates([train, val], max_distance=4, max_listed=2)

    assert [(pair.distance, pair.row_a) for pair in found.listed] == [(0, 1), (1, 3)]
    assert found.num_pairs == 5


def brute_force(splits: Sequence[SplitHashes], max_distance: int, within: bool) -> set[RowPair]:
    pairs = set()
    numbers = list(combinations(range(len(splits)), 2))
    numbers += [(n, n) for n in range(len(splits))] if within else []
    for b, a in numbers:
        for row_a in range(len(splits[a])):
            for row_b in range(row_a if a == b else len(splits[b])):
                one, other = splits[a].phash[row_a], splits[b].phash[row_b]
                same_file = splits[a].file_key[row_a] == splits[b].file_key[row_b]
                distance = int(one ^ other).bit_count()
                flat = min(int(one).bit_count(), int(other).bit_count()) < 24
                if distance <= max_distance and (same_file or not flat):
                    same_taxon = splits[a].taxon_id[row_a] == splits[b].taxon_id[row_b]
                    kind = 0 if same_file else 1 if same_taxon else 2
                    pairs.add(RowPair(kind, distance, a, b, row_a, row_b))
    return pairs


# A file's contents decide its hash, as they do on disk.
photo_of_file = st.tuples(st.integers(0, 40), st.integers(1, 3)).map(
    lambda file: (
        FLAT if file[0] > 36 else flip(PHOTO << 4 * (file[0] % 3), *range(file[0] % 5)),
        file[1],
        f"file {file[0]}",
    )
)


@settings(max_examples=60)
@given(
    st.lists(st.lists(photo_of_file, max_size=12), min_size=2, max_size=3),
    st.integers(0, 5),
    st.booleans(),
    st.sampled_from([0, 3, 10_000]),
)
def test_finds_what_brute_force_finds(
    photos: list[list[Photo]], max_distance: int, within: bool, crowd_pairs: int
) -> None:
    splits = [in_memory(name, part) for name, part in zip(("train", "val", "test"), photos)]  # noqa: B905
    before = schemas.near_duplicates.CROWD_PAIRS
    try:
        schemas.near_duplicates.CROWD_PAIRS = crowd_pairs
        found = find_near_duplicates(splits, max_distance=max_distance, within=within)
    finally:
        schemas.near_duplicates.CROWD_PAIRS = before
    expected = brute_force(splits, max_distance, within)

    assert list(found.listed) == sorted(expected)
    assert found.num_pairs == len(expected)
    assert found.counts == verdicts(splits, expected)


def verdicts(splits: Sequence[SplitHashes], pairs: set[RowPair]) -> dict[str, SplitCounts]:
    counts = {}
    for number, split in enumerate(splits[1:], start=1):
        rows = [
            {pair.row_a for pair in pairs if (pair.split_a, pair.split_b, pair.kind) == key}
            for key in ((number, 0, kind) for kind in range(3))
        ]
        twins = rows[0] | rows[1]
        counts[split.split] = SplitCounts(
            len(split), len(twins), len(rows[0]), len(rows[2] - twins)
        )
    return counts


def test_order_of_files_and_runs_does_not_change_the_list(tmp_path: Path) -> None:
    photos = [(flip(PHOTO, n % 3), 1 + n % 2, f"{n % 7}") for n in range(40)]
    lists: list[Found] = []
    for files in (1, 3):
        folder = tmp_path / str(files)
        splits = [indexed(folder, split, photos, files) for split in ("train", "val")]
        lists.append(find_near_duplicates(splits, max_distance=2))

    assert lists[0] == lists[1]
    assert lists[0].num_pairs > 0


def test_a_broken_index_is_named(tmp_path: Path) -> None:
    path = tmp_path / "index-00000-of-00001.parquet"
    path.write_bytes(b"half a file")

    with pytest.raises(DataError) as caught:
        SplitHashes.read("train", [path])

    assert str(caught.value).startswith(f"{path}: is no file of a photo index: Parquet magic")
    assert str(caught.value).endswith(
        " Delete it, and give the same command again to write it anew."
    )


def test_an_index_that_lacks_a_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "index-00000-of-00001.parquet"
    pq.write_table(pa.table({"phash": pa.array([1], pa.uint64())}), path)

    with pytest.raises(DataError, match=r"is no file of a photo index: .*sha256"):
        SplitHashes.read("train", [path])
