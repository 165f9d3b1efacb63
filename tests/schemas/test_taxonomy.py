from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from taxonomy_trees import taxonomies

from schemas.taxonomy import Taxonomy

BEETLES = Taxonomy(
    taxon_ids=np.array([1, 47158, 50, 61, 62, 70], np.int64),
    parent_nodes=np.array([-1, 0, 1, 2, 2, 1], np.int32),
    rank_levels=np.array([70, 50, 30, 10, 10, 12.75], np.float32),
    leaf_class_ids=np.array([-1, -1, -1, 2, 0, 1], np.int32),
    iconic_taxon_ids=np.array([1, 47158, 47158, 47158, 47158, 0], np.int64),
    names=("Animalia", "Insecta", "Coccinellidae", "Aus bus", "Aus cus", "Dus eus"),
)
"""Animalia > Insecta > {Coccinellidae > {Aus bus, Aus cus}, Dus eus}."""


def brute_lineage(taxonomy: Taxonomy, node: int) -> list[int]:
    parent = int(taxonomy.parent_nodes[node])
    return [node] if parent < 0 else [*brute_lineage(taxonomy, parent), node]


def test_leaves_in_class_order() -> None:
    assert len(BEETLES) == 6
    assert BEETLES.num_leaves == 3
    assert BEETLES.leaf_nodes.tolist() == [4, 5, 3]
    assert BEETLES.leaf_taxon_ids.tolist() == [62, 70, 61]
    assert BEETLES.leaf_names == ["Aus cus", "Dus eus", "Aus bus"]
    assert BEETLES.leaf_of_taxon == {62: 0, 70: 1, 61: 2}


def test_walks_and_names() -> None:
    assert BEETLES.lineage(3) == [0, 1, 2, 3]
    assert BEETLES.depths.tolist() == [0, 1, 2, 3, 3, 2]
    assert [BEETLES.rank_name(node) for node in (0, 2, 3, 5)] == [
        "kingdom",
        "family",
        "species",
        "level 12.75",
    ]


def test_ancestors_of_a_level() -> None:
    assert BEETLES.leaf_ancestors_at(30.0).tolist() == [50, 0, 50]
    assert BEETLES.leaf_ancestors_at(10.0).tolist() == [62, 0, 61]
    assert BEETLES.leaf_ancestors_at(20.0).tolist() == [0, 0, 0]


def test_iconic_names_are_the_trees_or_inaturalists() -> None:
    assert BEETLES.iconic_name(47158) == "Insecta"
    assert BEETLES.iconic_name(3) == "Aves"
    assert (BEETLES.iconic_name(0), BEETLES.iconic_name(999)) == ("", "")


def test_scores_add_up_the_tree() -> None:
    scores = BEETLES.sum_to_nodes(np.array([[0.25, 0.5, 0.125]], np.float32))
    assert scores.tolist() == [[0.875, 0.875, 0.375, 0.125, 0.25, 0.5]]
    assert scores.dtype == np.float64


@given(taxonomy=taxonomies(), seed=st.integers(0, 2**32 - 1), batch=st.integers(0, 3))
def test_sum_to_nodes_is_the_brute_force_sum(taxonomy: Taxonomy, seed: int, batch: int) -> None:
    leaf_scores = np.random.default_rng(seed).random((batch, taxonomy.num_leaves))
    expected = np.zeros((batch, len(taxonomy)))
    for leaf, leaf_node in enumerate(taxonomy.leaf_nodes):
        for node in brute_lineage(taxonomy, int(leaf_node)):
            expected[:, node] += leaf_scores[:, leaf]
    np.testing.assert_allclose(taxonomy.sum_to_nodes(leaf_scores), expected, rtol=1e-12)


@given(taxonomy=taxonomies())
def test_what_is_said_of_nodes_agrees(taxonomy: Taxonomy) -> None:
    for node in range(len(taxonomy)):
        assert taxonomy.lineage(node) == brute_lineage(taxonomy, node)
        assert taxonomy.depths[node] == len(taxonomy.lineage(node)) - 1
        assert taxonomy.node_of_taxon[int(taxonomy.taxon_ids[node])] == node
    for leaf, node in enumerate(taxonomy.leaf_nodes):
        assert taxonomy.leaf_class_ids[node] == leaf
        assert taxonomy.leaf_of_taxon[int(taxonomy.leaf_taxon_ids[leaf])] == leaf


@given(taxonomy=taxonomies(), level=st.sampled_from([10.0, 20.0, 30.0, 70.0]))
def test_leaf_ancestors_at_is_the_one_nearest_the_root(taxonomy: Taxonomy, level: float) -> None:
    found = taxonomy.leaf_ancestors_at(level)
    for leaf, node in enumerate(taxonomy.leaf_nodes):
        line = brute_lineage(taxonomy, int(node))
        hits = [int(taxonomy.taxon_ids[n]) for n in line if taxonomy.rank_levels[n] == level]
        assert found[leaf] == (hits[0] if hits else 0)


def test_a_taxonomy_is_frozen() -> None:
    with pytest.raises(AttributeError):
        BEETLES.names = ()  # type: ignore[misc]
