from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.inspect import id_keys
from pipeline.inspect.id_keys import MAX_ID, MAX_LEAF, IdKeys

Row = tuple[int, int, int]
ROWS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2), st.integers(0, 3)), max_size=40)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_keys, "_CHUNK_ROWS", 3)


def keys_of(rows: list[Row]) -> IdKeys:
    keys = IdKeys()
    for row in rows:
        keys.add(*row)
    return keys


@given(ROWS)
def test_comparison_finds_what_looking_at_each_id_finds(rows: list[Row]) -> None:
    splits, leaves = defaultdict(set), defaultdict(set)
    for id, split, leaf in rows:
        splits[id].add(split)
        leaves[id].add(leaf)
    twice = {id for (id, _), count in Counter((r[0], r[1]) for r in rows).items() if count > 1}
    found = keys_of(rows).compared(doubles_too=True)
    assert found.different == len(splits)
    assert found.different_in_split == tuple(
        sum(split in of_id for of_id in splits.values()) for split in range(4)
    )
    assert found.in_two_splits.tolist() == sorted(id for id in splits if len(splits[id]) > 1)
    assert found.under_two_leaves.tolist() == sorted(id for id in leaves if len(leaves[id]) > 1)
    assert found.twice_in_a_split.tolist() == sorted(twice)


@given(ROWS)
def test_rows_are_found_again(rows: list[Row]) -> None:
    keys = keys_of(rows)
    assert keys.unique().tolist() == sorted({row[0] for row in rows})
    counts = keys.rows_of_leaves(4, 3)
    assert counts.shape == (4, 3)
    for leaf in range(4):
        for split in range(3):
            assert counts[leaf, split] == sum(row[1:] == (split, leaf) for row in rows)
    for id in {row[0] for row in rows}:
        assert keys.places_of(id) == [
            (place, row[1], row[2]) for place, row in enumerate(rows) if row[0] == id
        ]
    wanted = np.array([2, 3, 5], np.int64)
    in_order = list(dict.fromkeys(row[0] for row in rows if row[0] in (2, 3, 5)))
    assert keys.first_among(wanted, 2) == in_order[:2]


def test_the_largest_ids_fit() -> None:
    keys = keys_of([(MAX_ID, 3, MAX_LEAF), (MAX_ID, 2, MAX_LEAF), (0, 0, 0)])
    assert keys.compared().in_two_splits.tolist() == [MAX_ID]
    assert keys.places_of(MAX_ID) == [(0, 3, MAX_LEAF), (1, 2, MAX_LEAF)]


def test_doubles_are_found_only_when_asked_for() -> None:
    keys = keys_of([(1, 0, 0), (1, 0, 0)])
    assert keys.compared().twice_in_a_split.tolist() == []
    assert keys.compared(doubles_too=True).twice_in_a_split.tolist() == [1]
