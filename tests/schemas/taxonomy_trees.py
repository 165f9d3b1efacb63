"""Hypothesis strategy for taxonomies: any forest whose childless nodes are the leaves."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from schemas.ranks import RANK_OF_LEVEL
from schemas.taxonomy import NO_LEAF, Taxonomy

NAMES = st.text("abcdeé ×-", min_size=1, max_size=12).filter(str.strip)


@st.composite
def taxonomies(draw: st.DrawFn, max_nodes: int = 24) -> Taxonomy:
    """Draws a taxonomy; its rows stand in no particular order."""
    count = draw(st.integers(1, max_nodes))
    # Parents among earlier nodes make a forest; a shuffle then takes the order away.
    above = [draw(st.integers(-1, node - 1)) for node in range(count)]
    place = draw(st.permutations(range(count)))
    parents = np.full(count, -1, np.int32)
    for node, parent in enumerate(above):
        parents[place[node]] = -1 if parent < 0 else place[parent]
    childless = sorted(set(range(count)) - set(parents.tolist()))
    leaves = np.full(count, NO_LEAF, np.int32)
    leaves[childless] = draw(st.permutations(range(len(childless))))
    ids = draw(st.lists(st.integers(1, 10**7), min_size=count, max_size=count, unique=True))
    levels = st.sampled_from(sorted(RANK_OF_LEVEL))
    iconic = [draw(st.sampled_from([0, 3, 47158])) for _ in range(count)]
    return Taxonomy(
        taxon_ids=np.array(ids, np.int64),
        parent_nodes=parents,
        rank_levels=np.array([draw(levels) for _ in range(count)], np.float32),
        leaf_class_ids=leaves,
        iconic_taxon_ids=np.array(iconic, np.int64),
        names=tuple(draw(NAMES) for _ in range(count)),
    )
