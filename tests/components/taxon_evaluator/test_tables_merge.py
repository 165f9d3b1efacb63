"""The laws that let Beam part and merge photos as it likes: to the last bit, in any order."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from random_photos import evaluated, tables
from taxonomy_trees import taxonomies

from components.taxon_evaluator.tables.keyed_sums import KeyedSums, merge
from components.taxon_evaluator.tables.merging import MergeTables
from components.taxon_evaluator.tables.photo_columns import PhotoColumns
from components.taxon_evaluator.tables.tables import Tables, merge_tables, tables_of
from components.taxon_evaluator.tables.taxon_tree import TaxonTree
from schemas.taxonomy import Taxonomy

FEW = hypothesis_settings(max_examples=15)


def content(counted: Tables) -> dict[str, list]:
    sums = {"leaves": counted.leaves, "answered": counted.answered, "pairs": counted.pairs.counts}
    sums |= counted.slices
    lists = {name: [one.keys.tolist(), one.sums.tolist()] for name, one in sums.items()}
    for name, sliced in counted.sliced_leaves.items():
        counts = sliced.counts
        lists[f"{name} by leaf"] = [
            sliced.names.tolist(),
            counts.keys.tolist(),
            counts.sums.tolist(),
        ]
    pairs = counted.pairs
    lists["photos"] = [
        pairs.photo_pairs.tolist(),
        pairs.photo_scores.tolist(),
        pairs.photo_ids.tolist(),
    ]
    return lists


@FEW
@given(
    taxonomy=taxonomies(),
    seed=st.integers(0, 99),
    parts=st.integers(1, 6),
    shuffle=st.randoms(use_true_random=False),
)
def test_any_parts_merged_in_any_order_give_the_same(
    taxonomy: Taxonomy, seed: int, parts: int, shuffle: random.Random
) -> None:
    tree = TaxonTree(taxonomy, ("genus", "iconic"))
    columns = PhotoColumns(tree.ranks, bins=3)
    photos = evaluated(taxonomy, count=30, seed=seed)
    whole = tables_of(photos.photos, tree, columns, max_photos=2)
    owner = np.array([shuffle.randrange(parts) for _ in range(30)])
    pieces = [
        tables_of(photos.part(np.flatnonzero(owner == part)), tree, columns, max_photos=2)
        for part in set(owner.tolist())
    ]

    while len(pieces) > 1:  # any two next
        shuffle.shuffle(pieces)
        pieces = [merge_tables(pieces[:2]), *pieces[2:]]

    assert content(pieces[0]) == content(whole)


@FEW
@given(
    taxonomy=taxonomies(), seed=st.integers(0, 99), cuts=st.lists(st.integers(1, 30), max_size=5)
)
def test_combiner_gives_the_whole_however_beam_calls_it(
    taxonomy: Taxonomy, seed: int, cuts: list[int]
) -> None:
    tree = TaxonTree(taxonomy, ("species", "genus", "family", "order", "class", "iconic"))
    photos = evaluated(taxonomy, count=31, seed=seed)
    combine = MergeTables()
    accumulators = []
    for rows in np.split(np.arange(31), sorted(set(cuts))):
        accumulator = combine.create_accumulator()
        for row in rows:
            piece = tables(photos.part(np.array([row])), tree)
            accumulator = combine.add_input(accumulator, piece)
        accumulators.append(combine.compact(accumulator))

    merged = combine.extract_output(combine.merge_accumulators(accumulators[::-1]))

    assert merged is not None
    assert content(merged) == content(tables(photos.photos, tree))


def test_nothing_counted_is_nothing() -> None:
    combine = MergeTables()

    assert (
        combine.extract_output(combine.merge_accumulators([combine.create_accumulator()])) is None
    )


def test_sums_of_text_keys_merge_whatever_their_length() -> None:
    one = KeyedSums.of(np.array(["b", "a", "b"]), np.array([[1], [2], [4]]))
    other = KeyedSums.of(np.array(["a long name", "b"]), np.array([[8], [16]]))

    both = merge([one, other])

    assert both.keys.tolist() == ["a", "a long name", "b"]
    assert both.sums.tolist() == [[2], [8], [21]]
    assert both.at(np.array(["b", "z", "a"])).tolist() == [[21], [0], [2]]
