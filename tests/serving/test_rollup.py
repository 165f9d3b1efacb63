"""Roll-up: against a walk over the whole tree, and against answers worked out by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

sys.path.insert(0, str(Path(__file__).parents[1] / "schemas"))

from taxonomy_trees import taxonomies

from schemas.leaf_paths import NO_NODE
from schemas.taxonomy import Taxonomy
from serving.branches import Branches, best_branch
from serving.geo_scores import Geo
from serving.rollup import (
    DEFAULT,
    MAJOR_RANKS,
    UNRESTRICTED,
    AncestorRule,
    RollUp,
    cut_off,
    top_leaves,
)

RULES = [DEFAULT, MAJOR_RANKS, UNRESTRICTED]


def scores_for(data: st.DataObject, taxonomy: Taxonomy) -> np.ndarray:
    """float64 [1, N], some 0 and some equal, not all 0."""
    points = data.draw(
        st.lists(st.integers(0, 30), min_size=taxonomy.num_leaves, max_size=taxonomy.num_leaves)
    )
    assume(any(points))
    return np.array([points], np.float64) ** 2


def by_the_book(taxonomy: Taxonomy, scores: np.ndarray, rule: AncestorRule) -> int:
    """The rule as section 3 of the formats tells it, over every node of the tree."""
    best = sorted(range(len(scores)), key=lambda leaf: (-scores[leaf], leaf))[: rule.max_leaves]
    kept = np.zeros(len(scores))
    for leaf in best:
        if scores[leaf] >= rule.min_share_of_top * scores[best[0]]:
            kept[leaf] = scores[leaf]
    held = taxonomy.sum_to_nodes(kept[None] / kept.sum())[0]
    assume(np.abs(held - rule.min_score).min() > 1e-9)
    allowed = [
        node
        for node in range(len(taxonomy))
        if held[node] > rule.min_score
        and rule.min_rank_level <= taxonomy.rank_levels[node] <= rule.max_rank_level
        and (rule.rank_levels is None or taxonomy.rank_levels[node] in rule.rank_levels)
    ]
    return max(allowed, key=lambda node: taxonomy.depths[node], default=NO_NODE)


@pytest.mark.parametrize("rule", RULES)
@given(taxonomy=taxonomies(max_nodes=40), data=st.data())
def test_common_ancestor_is_what_a_walk_over_the_tree_finds(
    rule: AncestorRule, taxonomy: Taxonomy, data: st.DataObject
) -> None:
    scores = scores_for(data, taxonomy)

    answer = RollUp(taxonomy).common_ancestors(*top_leaves(scores, 20), rule)

    assert answer.nodes[0] == by_the_book(taxonomy, scores[0], rule)
    assert (answer.scores[0] > rule.min_score) == (answer.nodes[0] != NO_NODE)


@given(taxonomy=taxonomies(), data=st.data())
def test_scores_cut_off_sum_to_one_and_never_fall_up_the_tree(
    taxonomy: Taxonomy, data: st.DataObject
) -> None:
    scores = cut_off(scores_for(data, taxonomy))

    held = taxonomy.sum_to_nodes(scores)[0]

    assert scores.sum() == pytest.approx(1.0)
    inner = taxonomy.parent_nodes >= 0
    assert (held[taxonomy.parent_nodes[inner]] >= held[inner]).all()
    assert held[taxonomy.parent_nodes < 0].sum() == pytest.approx(1.0)


def test_leaves_below_a_thousandth_of_the_best_are_cut_off() -> None:
    kept = cut_off(np.array([[0.5, 0.0005, 0.00049, 0.2]]))

    assert (kept > 0).tolist() == [[True, True, False, True]]


@given(
    scores=arrays(
        np.float32,
        st.tuples(st.integers(0, 3), st.integers(1, 30)),
        elements=st.sampled_from([0.0, 0.1, 0.2, 0.5, np.nan]),
    ),
    k=st.integers(1, 40),
)
def test_top_leaves_are_those_of_a_whole_sort(scores: np.ndarray, k: int) -> None:
    classes, best = top_leaves(scores, k)

    assert classes.tolist() == np.argsort(-scores, axis=1, kind="stable")[:, :k].tolist()
    np.testing.assert_array_equal(best, np.take_along_axis(scores, classes, axis=1))


@given(taxonomy=taxonomies(), data=st.data())
def test_best_branch_takes_the_best_child_down_to_a_leaf(
    taxonomy: Taxonomy, data: st.DataObject
) -> None:
    held = taxonomy.sum_to_nodes(scores_for(data, taxonomy))[0]

    path = best_branch(taxonomy, held)

    for above, node in zip([-1, *path], path, strict=False):
        siblings = taxonomy.parent_nodes == above
        assert held[node] == held[siblings].max()
    assert path[-1] in taxonomy.leaf_nodes


@given(taxonomy=taxonomies(), data=st.data(), photos=st.integers(0, 4))
def test_branches_of_many_photos_are_those_of_each(
    taxonomy: Taxonomy, data: st.DataObject, photos: int
) -> None:
    scores = [scores_for(data, taxonomy) for _ in range(photos)]
    held = taxonomy.sum_to_nodes(np.concatenate([np.zeros((0, taxonomy.num_leaves)), *scores]))

    branches = Branches(taxonomy).best(held)

    assert len(branches) == photos
    for branch, row in zip(branches, held, strict=True):
        assert [node for node in branch if node != NO_NODE] == best_branch(taxonomy, row)


def nearby_by_the_book(
    taxonomy: Taxonomy, kept: np.ndarray, geo: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """bool [T]: highest geo score of the leaves that count against their lowest threshold."""
    nearby = np.zeros(len(taxonomy), bool)
    for node in range(len(taxonomy)):
        below = [
            leaf
            for leaf in np.flatnonzero(kept)
            if node in taxonomy.lineage(int(taxonomy.leaf_nodes[leaf]))
        ]
        if below:
            nearby[node] = geo[below].max() >= thresholds[below].min()
    return nearby


@pytest.mark.parametrize("rule", [DEFAULT, UNRESTRICTED])
@given(taxonomy=taxonomies(max_nodes=30), data=st.data())
def test_with_a_place_the_answer_is_expected_nearby_where_anything_is(
    rule: AncestorRule, taxonomy: Taxonomy, data: st.DataObject
) -> None:
    tenths = st.lists(
        st.integers(0, 10), min_size=taxonomy.num_leaves, max_size=taxonomy.num_leaves
    )
    scores = scores_for(data, taxonomy)
    geo, thresholds = (np.array(data.draw(tenths)) / 10 for _ in range(2))

    answer = RollUp(taxonomy).common_ancestors(
        *top_leaves(scores, 20), rule, Geo(geo[None], thresholds)
    )

    kept = np.zeros(taxonomy.num_leaves)
    classes, best = top_leaves(scores, rule.max_leaves)
    counted = (best >= rule.min_share_of_top * best[:, :1]) & (best > 0)
    kept[classes[counted]] = best[counted]
    held = taxonomy.sum_to_nodes(kept[None] / kept.sum())[0]
    assume(np.abs(held - rule.min_score).min() > 1e-9)
    nearby = nearby_by_the_book(taxonomy, kept, geo, thresholds)
    candidates = [
        node
        for node in np.flatnonzero((held > rule.min_score) & rule.allows(taxonomy.rank_levels))
        if nearby[node] or not nearby.any()
    ]
    expected = max(candidates, key=lambda node: taxonomy.depths[node], default=NO_NODE)
    assert answer.nodes[0] == expected


# Animalia > Strigiformes > Strigidae > Striginae > Strix (3 species), Bubo (2); a plant.
NAMES = ("Animalia", "Strigiformes", "Strigidae", "Striginae", "Strix", "Bubo")
OWLS = Taxonomy(
    taxon_ids=np.arange(1, 14),
    parent_nodes=np.array([-1, 0, 1, 2, 3, 2, 4, 4, 4, 5, 5, -1, 11], np.int32),
    rank_levels=np.array([70, 40, 30, 27, 20, 20, 10, 10, 10, 10, 10, 70, 10], np.float32),
    leaf_class_ids=np.array([-1] * 6 + [0, 1, 2, 3, 4, -1, 5], np.int32),
    iconic_taxon_ids=np.zeros(13, np.int64),
    names=(*NAMES, "aluco", "varia", "uralensis", "bubo", "virginianus", "Plantae", "a plant"),
)


@pytest.mark.parametrize(
    ("scores", "rule", "answer"),
    [
        # Strix holds 0.80.
        ([0.40, 0.30, 0.10, 0.12, 0.07, 0.01], DEFAULT, "Strix"),
        # Strix holds 0.70, Striginae the same, and the family 0.99.
        ([0.30, 0.30, 0.10, 0.20, 0.09, 0.01], DEFAULT, "Strigidae"),
        # The plant is below 1 % of the best: Strix holds 0.779 of 0.997, which is 0.7813.
        ([0.500, 0.179, 0.100, 0.118, 0.100, 0.003], DEFAULT, "Strix"),
        # The same with a plant that counts: 0.779 is too little.
        ([0.300, 0.279, 0.200, 0.118, 0.100, 0.003], DEFAULT, "Strigidae"),
        # A species alone is never the answer, however sure.
        ([1.0, 0.0, 0.0, 0.0, 0.0, 0.0], DEFAULT, "Strix"),
        # Only the plant's kingdom holds enough: beyond superfamily, for some.
        ([0.10, 0.0, 0.0, 0.0, 0.0, 0.90], DEFAULT, None),
        ([0.10, 0.0, 0.0, 0.0, 0.0, 0.90], UNRESTRICTED, "Plantae"),
        ([0.10, 0.0, 0.0, 0.0, 0.0, 0.90], MAJOR_RANKS, "Plantae"),
        # Nobody holds enough.
        ([0.30, 0.10, 0.10, 0.0, 0.0, 0.50], UNRESTRICTED, None),
    ],
)
def test_answers_worked_out_by_hand(
    scores: list[float], rule: AncestorRule, answer: str | None
) -> None:
    found = RollUp(OWLS).common_ancestors(*top_leaves(np.array([scores]), 15), rule)

    node = int(found.nodes[0])
    assert (None if node == NO_NODE else OWLS.names[node]) == answer


def test_subfamily_is_no_major_rank() -> None:
    rule = AncestorRule(min_rank_level=21.0)
    scores = np.array([[0.40, 0.30, 0.10, 0.12, 0.07, 0.01]])
    major = AncestorRule(min_rank_level=21.0, rank_levels=MAJOR_RANKS.rank_levels)

    nodes = [
        RollUp(OWLS).common_ancestors(*top_leaves(scores, 15), r).nodes[0] for r in (rule, major)
    ]

    assert [OWLS.names[node] for node in nodes] == ["Striginae", "Strigidae"]


def test_the_sixteenth_leaf_does_not_count() -> None:
    # Twelve leaves of one genus and four of another, all alike: of the first 15, 12 are 80 %.
    genera = np.repeat([0, 1], [12, 4])
    taxonomy = Taxonomy(
        taxon_ids=np.arange(1, 19),
        parent_nodes=np.concatenate([[-1, -1], genera]).astype(np.int32),
        rank_levels=np.array([20, 20] + [10] * 16, np.float32),
        leaf_class_ids=np.array([-1, -1, *range(16)], np.int32),
        iconic_taxon_ids=np.zeros(18, np.int64),
        names=("one", "other", *"abcdefghijklmnop"),
    )
    scores = np.full((1, 16), 1 / 16)

    found = RollUp(taxonomy).common_ancestors(*top_leaves(scores, 16))
    all_count = AncestorRule(max_leaves=16)

    assert found.nodes.tolist() == [0]
    assert found.scores[0] == pytest.approx(0.8)
    assert RollUp(taxonomy).common_ancestors(*top_leaves(scores, 16), all_count).nodes[0] == NO_NODE


@pytest.mark.parametrize(
    ("geo", "answer"),
    [
        # Nothing is nearby: the place decides nothing.
        ([0.1, 0.1, 0.1, 0.1, 0.1, 0.1], "Strix"),
        # A species of Strix is nearby.
        ([0.6, 0.1, 0.1, 0.1, 0.1, 0.1], "Strix"),
        # Only a Bubo is, so that the lowest answer is the family that it stands in, too.
        ([0.1, 0.1, 0.1, 0.6, 0.1, 0.1], "Strigidae"),
        # Only the plant is: no node above the owls is expected here.
        ([0.1, 0.1, 0.1, 0.1, 0.1, 0.6], None),
    ],
)
def test_answers_with_a_place_worked_out_by_hand(geo: list[float], answer: str | None) -> None:
    scores = np.array([[0.40, 0.30, 0.10, 0.12, 0.07, 0.01]])  # Strix holds 0.80
    place = Geo(np.array([geo]), np.full(6, 0.5))

    found = RollUp(OWLS).common_ancestors(*top_leaves(scores, 15), DEFAULT, place)

    node = int(found.nodes[0])
    assert (None if node == NO_NODE else OWLS.names[node]) == answer


def test_a_leaf_without_a_threshold_is_never_nearby() -> None:
    scores = np.array([[0.40, 0.30, 0.10, 0.12, 0.07, 0.01]])
    thresholds = np.array([np.nan, 0.5, 0.5, 0.5, 0.5, 0.5])
    place = Geo(np.array([[0.4, 0.1, 0.1, 0.9, 0.1, 0.1]]), thresholds)

    found = RollUp(OWLS).common_ancestors(*top_leaves(scores, 15), DEFAULT, place)

    assert OWLS.names[int(found.nodes[0])] == "Strigidae"
