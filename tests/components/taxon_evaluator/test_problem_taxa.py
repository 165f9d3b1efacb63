"""Which taxa have most to gain, and each diagnosis on tables made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.taxon_evaluator.problem_settings import ProblemSettings
from components.taxon_evaluator.problem_taxa import ProblemTaxon, worst_problems
from components.taxon_evaluator.tables.confused_pairs import ConfusedPairs, pair_keys
from components.taxon_evaluator.tables.keyed_sums import fixed
from components.taxon_evaluator.tables.problems import LeafCounts, problems_table
from components.taxon_evaluator.tables.table_files import (
    PROBLEMS_FILE,
    PROBLEMS_SCHEMA,
    write_table,
)
from components.taxon_evaluator.tables.taxon_tree import TaxonTree
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy
from schemas.wilson import wilson_interval

NAMES = ("Strix aluco", "Strix varia", "Asio otus", "Strix uralensis")
TAXA = (101, 102, 103, 104)


@pytest.fixture(scope="module")
def owls(tmp_path_factory: pytest.TempPathFactory) -> Taxonomy:
    """Leaves 0, 1 and 3 are of one genus, 2 of another."""
    rows = ["parent_taxon_id,taxon_id,rank_level,leaf_class_id,name", ",1,70,,Animalia"]
    rows += ["1,20,20,,Strix", "1,30,20,,Asio"]
    rows += [
        f"{30 if leaf == 2 else 20},{taxon},10,{leaf},{NAMES[leaf]}"
        for leaf, taxon in enumerate(TAXA)
    ]
    path = tmp_path_factory.mktemp("owls") / "taxonomy.csv"
    path.write_text("\n".join(rows) + "\n")
    return read_taxonomy(path)


def confused(*photos: tuple[int, int, float], max_photos: int = 5) -> ConfusedPairs:
    """Pairs of (true leaf, answered leaf, score); photo ids count from 1."""
    truths, answers, scores = (np.array([p[i] for p in photos]) for i in range(3))
    return ConfusedPairs.of(
        pair_keys(truths.astype(np.int64), answers.astype(np.int64)),
        fixed(scores.astype(np.float64)),
        1 + np.arange(len(photos)),
        max_photos=max_photos,
    )


def counts(**values: tuple[int, ...]) -> LeafCounts:
    """By leaf; what is not given is as if nothing were wrong."""
    usual = {
        "photos": (20, 20, 20, 20),
        "errors": (0, 0, 0, 0),
        "errors_within_genus": (0, 0, 0, 0),
        "confident_errors": (0, 0, 0, 0),
        "train_photos": (100, 100, 100, 100),
        "observations": (120, 120, 120, 120),
        "top_observer": (0, 0, 0, 0),
        "copies": (0, 0, 0, 0),
        "copies_elsewhere": (0, 0, 0, 0),
    }
    return LeafCounts(**{k: np.array(v, np.int64) for k, v in {**usual, **values}.items()})


def rows(
    owls: Taxonomy,
    found: LeafCounts,
    pairs: ConfusedPairs | None = None,
    **settings: Any,
) -> list[dict[str, Any]]:
    table = problems_table(
        found,
        pairs or confused((0, 1, 0.5)),
        TaxonTree(owls, ("genus",)),
        ProblemSettings(**settings),
    )
    return table.cast(PROBLEMS_SCHEMA).to_pylist()


def test_leaves_are_ranked_by_errors_that_are_sure_times_observations(owls: Taxonomy) -> None:
    found = rows(
        owls,
        counts(photos=(1, 40, 40, 9), errors=(1, 20, 10, 0), observations=(500, 500, 900, 99)),
    )

    # The first leaf has the highest error rate and one photo to say so.
    assert [row["taxon_id"] for row in found] == [102, 103, 101]
    first = found[1]
    low = float(wilson_interval(np.array([10]), np.array([40]))[0][0])
    assert (first["error_rate"], first["gain"]) == (0.25, 225)
    assert first["low"] == pytest.approx(low)
    assert first["sure_gain"] == pytest.approx(900 * low)


def test_taxa_without_errors_are_not_listed(owls: Taxonomy) -> None:
    assert rows(owls, counts()) == []


@given(
    errors=st.lists(st.integers(0, 19), min_size=4, max_size=4),
    observations=st.lists(st.integers(0, 10**6), min_size=4, max_size=4),
    leaf=st.integers(0, 3),
    more=st.tuples(st.integers(0, 1), st.integers(0, 1000)),
)
def test_more_errors_or_observations_never_move_a_leaf_down(
    owls: Taxonomy, errors: list[int], observations: list[int], leaf: int, more: tuple[int, int]
) -> None:
    def place() -> int:
        found = rows(owls, counts(errors=tuple(errors), observations=tuple(observations)))
        return [row["taxon_id"] for row in [*found, {"taxon_id": TAXA[leaf]}]].index(TAXA[leaf])

    before = place()
    others = sum(count > 0 for i, count in enumerate(errors) if i != leaf)
    errors[leaf] += more[0]
    observations[leaf] += more[1]
    assert place() <= min(before, others)


@pytest.mark.parametrize(
    ("diagnosis", "holding", "just_not"),
    [
        ("few_photos", {"train_photos": (49,) * 4}, {"train_photos": (50,) * 4}),
        (
            "within_genus",
            {"errors_within_genus": (5, 0, 0, 0)},
            {"errors_within_genus": (4, 0, 0, 0)},
        ),
        (
            "mislabelled",
            {"confident_errors": (2, 0, 0, 0)},
            {"confident_errors": (1, 0, 0, 0)},
        ),
        (
            "duplicates",
            {"copies": (6, 0, 0, 0), "copies_elsewhere": (4, 0, 0, 0)},
            {"copies": (6, 0, 0, 0), "copies_elsewhere": (3, 0, 0, 0)},
        ),
        ("one_observer", {"top_observer": (50, 0, 0, 0)}, {"top_observer": (49, 0, 0, 0)}),
    ],
)
def test_diagnosis_holds_at_its_threshold_and_not_below(
    owls: Taxonomy, diagnosis: str, holding: dict[str, Any], just_not: dict[str, Any]
) -> None:
    errors = {"errors": (10, 0, 0, 0)}

    assert rows(owls, counts(**errors, **holding))[0]["diagnoses"] == [diagnosis]
    assert rows(owls, counts(**errors, **just_not))[0]["diagnoses"] == []


def test_thresholds_are_settings(owls: Taxonomy) -> None:
    found = counts(errors=(10, 0, 0, 0), top_observer=(20, 0, 0, 0), train_photos=(80,) * 4)

    assert rows(owls, found, observer_share=0.25, few_train_photos=81)[0]["diagnoses"] == [
        "few_photos",
        "one_observer",
    ]


def test_unknown_training_is_no_diagnosis(owls: Taxonomy) -> None:
    found = counts(errors=(10, 0, 0, 0), train_photos=(0,) * 4)

    assert rows(owls, found)[0]["diagnoses"] == []


def test_single_training_photo_is_nobodys_monopoly(owls: Taxonomy) -> None:
    found = counts(errors=(10, 0, 0, 0), top_observer=(1, 0, 0, 0), train_photos=(1,) * 4)

    assert rows(owls, found)[0]["diagnoses"] == ["few_photos"]


def test_confused_within_genus_names_the_nearest_and_not_the_most_frequent(owls: Taxonomy) -> None:
    pairs = confused(*[(0, 2, 0.5)] * 4, *[(0, 3, 0.5)] * 3, *[(0, 1, 0.5)] * 3, (2, 0, 0.5))
    found = counts(errors=(10, 0, 1, 0), errors_within_genus=(6, 0, 0, 0))

    first, second = rows(owls, found, pairs)

    # Of equals the lower class.
    assert (first["confused_taxon_id"], first["confused_count"]) == (102, 3)
    assert (second["confused_taxon_id"], second["confused_count"]) == (0, 0)


def test_suspects_are_the_confident_errors_most_confident_first(owls: Taxonomy) -> None:
    pairs = confused((0, 1, 0.9), (0, 2, 0.99), (0, 1, 0.89), (1, 0, 0.95), (0, 2, 0.99))
    found = counts(errors=(4, 1, 0, 0), confident_errors=(3, 1, 0, 0))

    suspects = {row["taxon_id"]: row["suspect_photo_ids"] for row in rows(owls, found, pairs)}

    assert suspects == {101: [2, 5, 1], 102: [4]}


def test_worst_are_said_in_words(owls: Taxonomy, tmp_path: Path) -> None:
    pairs = confused(*[(0, 1, 0.95)] * 5, *[(0, 1, 0.5)] * 5, (1, 0, 0.4))
    table = problems_table(
        counts(
            errors=(10, 1, 0, 0),
            errors_within_genus=(10, 1, 0, 0),
            confident_errors=(5, 0, 0, 0),
            train_photos=(40, 1, 100, 100),
            observations=(120, 1, 1, 1),
            copies=(3, 0, 0, 0),
            copies_elsewhere=(2, 0, 0, 0),
            top_observer=(30, 1, 0, 0),
        ),
        pairs,
        TaxonTree(owls, ("genus",)),
        ProblemSettings(),
    )
    write_table([table], tmp_path / PROBLEMS_FILE, PROBLEMS_SCHEMA)

    found = worst_problems(tmp_path, owls)

    assert [problem.words() for problem in found] == [
        "Strix aluco: 10 of 20 photos wrong, 120 observations; only 40 training photos, 10 errors "
        "within its genus, 10 as Strix varia, 5 photos perhaps mislabelled (id 1, 2, 3, ...), "
        "of 40 training photos 3 repeated and 2 in other leaves, too, "
        "30 of 40 training photos by one observer",
        "Strix varia: 1 of 20 photos wrong, 1 observation; only 1 training photo, 1 error within "
        "its genus, 1 as Strix aluco",
    ]
    assert isinstance(found[0], ProblemTaxon)
    assert worst_problems(tmp_path, owls, count=1) == found[:1]
