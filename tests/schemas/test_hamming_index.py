from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings

import schemas.hamming_index
from schemas.hamming_index import Hashes, cheapest_bands, cut, near_pairs


def all_pairs(a: Hashes, b: Hashes, max_distance: int, **options: int) -> list[tuple[int, ...]]:
    """(i, j, distance) of each pair, in the order found."""
    return [
        (int(i), int(j), int(distance))
        for hits in near_pairs(a, b, max_distance, **options)
        for i, j, distance in zip(*hits, strict=True)
    ]


def by_brute_force(a: Hashes, b: Hashes, max_distance: int) -> list[tuple[int, ...]]:
    distances = np.bitwise_count(a[:, None] ^ b[None, :])
    return [
        (int(i), int(j), int(distances[i, j])) for i, j in np.argwhere(distances <= max_distance)
    ]


def hashes(values: list[int]) -> Hashes:
    return np.unique(np.array(values, np.uint64))


# Few bits set or unset: chance alone would hardly make two hashes that are near.
sparse = st.sets(st.integers(0, 63), max_size=6).map(lambda bits: sum(1 << bit for bit in bits))
some_hashes = st.lists(
    st.one_of(sparse, sparse.map(lambda value: value ^ (2**64 - 1)), st.integers(0, 2**64 - 1)),
    max_size=30,
).map(hashes)


@settings(max_examples=150)
@given(some_hashes, some_hashes, st.integers(0, 8), st.integers(1, 5))
@example(hashes([]), hashes([1]), 4, 1)
@example(hashes([0, 2**64 - 1]), hashes([0, 2**64 - 1]), 8, 1)
def test_finds_what_brute_force_finds_each_pair_once(
    a: Hashes, b: Hashes, max_distance: int, more_bands: int
) -> None:
    expected = by_brute_force(a, b, max_distance)

    assert sorted(all_pairs(a, b, max_distance, num_bands=max_distance + more_bands)) == expected


@pytest.mark.parametrize("max_distance", [0, 1, 2, 4, 6, 8])
def test_planted_neighbours_are_found_among_thousands(max_distance: int) -> None:
    random = np.random.default_rng(max_distance)
    b = hashes(list(random.integers(0, 2**64, 3000, np.uint64)))
    flips = [
        sum(1 << int(bit) for bit in random.choice(64, count, replace=False))
        for count in random.integers(0, max_distance + 3, 300)
    ]
    a = hashes([int(one) ^ flip for one, flip in zip(b[:300], flips, strict=True)])

    assert sorted(all_pairs(a, b, max_distance)) == by_brute_force(a, b, max_distance)


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_a_bucket_larger_than_a_chunk_is_gone_through_whole(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schemas.hamming_index, "CANDIDATES_AT_ONCE", at_once)
    crowd = hashes([0xFFFF_0000_FFFF_0000 | low for low in range(40)])

    assert sorted(all_pairs(crowd, crowd, 2)) == by_brute_force(crowd, crowd, 2)


def test_order_is_the_same_each_time() -> None:
    crowd = hashes(list(range(500)))

    assert all_pairs(crowd, crowd, 3) == all_pairs(crowd, crowd, 3)


@given(st.integers(1, 16))
def test_bands_hold_each_bit_once(num_bands: int) -> None:
    bands = cut(num_bands)

    assert len(bands) == num_bands
    assert sum(int(band.mask) for band in bands) == 2**64 - 1
    assert max(band.width for band in bands) - min(band.width for band in bands) <= 1


def test_more_hashes_are_cut_into_more_bands() -> None:
    assert cheapest_bands(10, 10, 4) == 5
    assert cheapest_bands(4_000_000, 30_000_000, 4) > 5


@pytest.mark.parametrize("max_distance", [-1, 9])
def test_distance_out_of_range_is_refused(max_distance: int) -> None:
    with pytest.raises(ValueError, match=rf"must be 0\.\.8 bits\. Received: {max_distance}\."):
        list(near_pairs(hashes([1]), hashes([1]), max_distance))
