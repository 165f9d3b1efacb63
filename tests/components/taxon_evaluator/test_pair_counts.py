"""Counts of two models on the same photos, and which taxa fell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.taxon_evaluator.paired.falls import Falls, find_falls
from components.taxon_evaluator.paired.pair_branch import answered_taxa
from components.taxon_evaluator.paired.pair_counts import pair_counts
from components.taxon_evaluator.paired.pairs_table import read_pairs, write_pairs
from components.taxon_evaluator.tables.keyed_sums import KeyedSums, merge
from components.taxon_evaluator.tables.merging import MergeParts

TAXA = st.integers(1, 6)
PHOTOS = st.lists(
    st.tuples(TAXA, st.permutations(range(1, 7)), st.permutations(range(1, 7))),
    min_size=1,
    max_size=25,
)
SHARED = st.sets(TAXA, min_size=1)
Photo = tuple[int, list[int], list[int]]


def counted(photos: list[Photo], shared: set[int]) -> KeyedSums:
    truths, candidate, baseline = (
        np.array([photo[place] for photo in photos], np.int64) for place in range(3)
    )
    return pair_counts(truths, candidate, baseline, np.array(sorted(shared), np.int64))


def as_dict(counts: KeyedSums) -> dict[int, list[int]]:
    return dict(zip(counts.keys.tolist(), counts.sums.tolist(), strict=True))


@given(PHOTOS, SHARED)
def test_counts_are_those_of_models_that_know_the_shared_leaves_alone(
    photos: list[Photo], shared: set[int]
) -> None:
    expected: dict[int, list[int]] = {}
    for truth, candidate, baseline in photos:
        if truth not in shared:
            continue
        won, held = (
            next(taxon for taxon in answers if taxon in shared) == truth
            for answers in (candidate, baseline)
        )
        place = 0 if won and held else 1 if won else 2 if held else 3
        expected.setdefault(truth, [0, 0, 0, 0])[place] += 1

    assert as_dict(counted(photos, shared)) == expected


@given(PHOTOS, SHARED)
def test_swapped_models_swap_their_columns(photos: list[Photo], shared: set[int]) -> None:
    swapped = [(truth, baseline, candidate) for truth, candidate, baseline in photos]

    there, back = counted(photos, shared), counted(swapped, shared)

    assert np.array_equal(there.sums[:, [0, 2, 1, 3]], back.sums)


@given(PHOTOS, SHARED, st.randoms(use_true_random=False))
def test_parts_merge_in_any_order_to_the_same(photos: list[Photo], shared: set[int], rng) -> None:
    whole = counted(photos, shared)
    parts = [counted([photo], shared) for photo in photos]
    rng.shuffle(parts)

    combine = MergeParts(merge)
    accumulator = combine.create_accumulator()
    for part in parts:
        accumulator = combine.add_input(accumulator, part)

    assert as_dict(combine.extract_output(accumulator)) == as_dict(whole)


def test_model_that_names_none_of_the_shared_leaves_is_wrong() -> None:
    answers = np.array([[7, 8, 9]])

    counts = pair_counts(np.array([1]), answers, np.array([[8, 1, 7]]), np.array([1, 2]))

    assert as_dict(counts) == {1: [0, 0, 1, 0]}


@pytest.mark.parametrize("by", ["evaluate", "serve_topk"])
def test_photo_with_a_score_that_is_no_number_is_not_answered(by: str) -> None:
    scores, leaf_taxa = np.array([[0.9, 0.1], [np.nan, 0.1]], np.float32), np.array([11, 12])
    classes = np.array([[1, 0], [1, 0]])
    predictions = (
        {"topk_classes": classes, "topk_scores": scores}
        if by == "evaluate"
        else {"taxon_ids": leaf_taxa[classes], "scores": scores}
    )

    assert answered_taxa(predictions, leaf_taxa).tolist() == [[12, 11], [-1, -1]]


def falls(rows: list[list[int]], *, alpha: float = 0.05, max_fall: float = 0.1) -> Falls:
    """Of taxa 1, 2, ..., each [both, only candidate, only baseline, neither]."""
    counts = KeyedSums(np.arange(1, len(rows) + 1), np.array(rows, np.int64))
    return find_falls(counts, alpha=alpha, max_fall=max_fall)


def test_taxon_falls_only_beyond_chance_and_beyond_what_is_allowed() -> None:
    found = falls(
        [
            [5, 0, 12, 3],  # all but certain, and 60 points
            [400, 0, 12, 0],  # as certain, 3 points
            [1, 2, 5, 0],  # 37 points, and might be chance
            [3, 12, 0, 5],  # rose
        ]
    )

    assert found.fallen.tolist() == [True, False, False, False]
    assert found.change[0] == pytest.approx(-0.6)
    assert found.p_values[0] == pytest.approx(2**-12)


def test_taxa_that_could_never_be_found_are_not_tested_and_hide_no_other() -> None:
    fell = [0, 1, 8, 1]  # p = 10 / 512

    among_few = falls([fell, *[[20, 2, 2, 0]] * 1000])
    among_many = falls([fell, *[[20, 3, 2, 0]] * 1000])

    assert among_few.fallen[0]  # 4 photos cannot show anything at 0.05
    assert np.isnan(among_few.adjusted[1:]).all()
    assert not among_many.fallen.any()  # of 1,001 that could, one is as far off by chance


def test_of_many_models_that_differ_by_chance_few_have_a_taxon_that_fell() -> None:
    rng = np.random.default_rng(5)
    with_one = 0
    for _ in range(200):
        differ = rng.integers(0, 30, 50)
        lost = rng.binomial(differ, 0.5)
        rows = np.stack([differ + 1, differ - lost, lost, differ], axis=1)
        with_one += bool(falls(rows.tolist(), max_fall=0.0).fallen.any())

    assert with_one <= 20  # expected are 10 at most


def test_table_says_it_all_and_is_read_again(tmp_path: Path) -> None:
    found = falls([[5, 0, 12, 3], [1, 0, 1, 0]])

    write_pairs(found, tmp_path)

    table = pd.read_parquet(tmp_path / "pairs.parquet")
    assert table.query("fallen")["taxon_id"].tolist() == [1]
    assert table["n"].tolist() == [20, 2]
    assert table["adjusted_p_value"].isna().tolist() == [False, True]
    again = read_pairs(tmp_path)
    assert again is not None
    for name in ("taxon_ids", "outcomes", "change", "p_values", "adjusted", "fallen"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))


def test_no_photo_to_compare_is_no_table(tmp_path: Path) -> None:
    assert read_pairs(tmp_path) is None
