from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.export_example_gen.shards import Shard, ordered_map, photo_hash, shard_of


def test_file_name_is_one_that_tfx_reads() -> None:
    assert Shard("train", 3, 12).file_name == "data_tfrecord-00003-of-00012.gz"


def test_hash_of_a_photo_never_changes() -> None:
    # Another hash would put every record elsewhere, and the same export would differ by version.
    assert photo_hash(1) == 17797172410793473910
    assert photo_hash(700_000_001) == 3214258439281044927


@given(photo_id=st.integers(1, 2**40), count=st.integers(1, 500))
def test_shard_is_one_of_the_split_and_the_same_each_time(photo_id: int, count: int) -> None:
    shard = shard_of("val", photo_id, count)

    assert (shard.split, shard.of) == ("val", count)
    assert 0 <= shard.number < count
    assert shard == shard_of("val", photo_id, count)


def test_neighbouring_photos_spread_evenly_over_files() -> None:
    filled = Counter(shard_of("train", photo_id, 10).number for photo_id in range(1, 10_001))

    assert len(filled) == 10
    assert all(900 < photos < 1100 for photos in filled.values())


@given(items=st.lists(st.integers(), max_size=40), threads=st.integers(1, 8))
def test_results_come_in_the_order_of_the_items(items: list[int], threads: int) -> None:
    assert list(ordered_map(lambda item: item * 3, items, threads=threads)) == [
        item * 3 for item in items
    ]


def test_slow_first_item_still_comes_first() -> None:
    second_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_done.wait(30)
        else:
            second_done.set()
        return item

    assert list(ordered_map(work, range(2), threads=2)) == [0, 1]


@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_than_a_few_items_are_taken_ahead(threads: int) -> None:
    taken = 0

    def endless() -> Iterator[int]:
        nonlocal taken
        while True:
            yield taken
            taken += 1

    results = ordered_map(lambda item: item, endless(), threads=threads)
    for _ in range(20):
        next(results)
    ahead = taken - 20
    results.close()  # type: ignore[attr-defined]

    assert 0 <= ahead <= 2 * threads


def test_error_of_an_item_reaches_the_caller_at_its_place() -> None:
    def work(item: int) -> int:
        if item == 2:
            raise ValueError("item 2")
        return item

    results = ordered_map(work, range(5), threads=2)

    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="item 2"):
        next(results)
