from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from taxonomy_trees import taxonomies

from schemas.leaf_paths import NO_NODE, leaf_paths
from schemas.taxonomy import Taxonomy


@given(taxonomy=taxonomies())
def test_paths_are_the_lineages(taxonomy: Taxonomy) -> None:
    paths = leaf_paths(taxonomy)

    for leaf, node in enumerate(taxonomy.leaf_nodes):
        row = paths.nodes[leaf]
        assert row[row != NO_NODE].tolist() == taxonomy.lineage(int(node))


@given(taxonomy=taxonomies())
def test_leaves_of_a_node_stand_together_in_the_order(taxonomy: Taxonomy) -> None:
    paths = leaf_paths(taxonomy)

    assert sorted(paths.order) == list(range(taxonomy.num_leaves))
    for node in range(len(taxonomy)):
        places = sorted(paths.order[(paths.nodes == node).any(axis=1)])
        assert places == list(range(places[0], places[0] + len(places)))


@given(taxonomy=taxonomies(), data=st.data())
def test_common_node_is_the_lowest_of_both_lineages(
    taxonomy: Taxonomy, data: st.DataObject
) -> None:
    leaves = st.integers(0, taxonomy.num_leaves - 1)
    pairs = np.array(data.draw(st.lists(st.tuples(leaves, leaves), min_size=1, max_size=8)))

    found = leaf_paths(taxonomy).common_nodes(pairs[:, 0], pairs[:, 1])

    for (one, other), node in zip(pairs, found, strict=True):
        own = taxonomy.lineage(int(taxonomy.leaf_nodes[one]))
        both = [n for n in own if n in taxonomy.lineage(int(taxonomy.leaf_nodes[other]))]
        assert node == (both[-1] if both else NO_NODE)
