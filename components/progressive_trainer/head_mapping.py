"""Where each leaf's row of a new classifier comes from, when the taxonomy has moved.

A row is the weights of one leaf in the last layer. Each leaf of the new taxonomy takes:

1. `same`      its taxon is a leaf of the old model, and no other became it: that leaf's row. So
               does a part that keeps the old id when its taxon is split;
2. `merged`    its taxon is a leaf of the old model, and others became it: the mean of all of them;
3. `synonym`   taxa of the old model became it (renamed: one; merged under a new id: several): their
               mean. An old taxon that was split lends its row to each of its parts;
4. `relatives` the nearest ancestor that had leaves in the old model: the mean of their rows;
5. `new`       nothing related is known: a fresh row.

    sources = head_sources(old, new, synonyms={47: (48, 49)})
    kernel = mapped_rows(old_kernel, fresh_kernel, sources)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from schemas.taxonomy import NO_LEAF, Taxonomy

Kind = Literal["same", "merged", "synonym", "relatives", "new"]


@dataclass(frozen=True)
class HeadSource:
    """Where the row of one new leaf comes from.

    Attributes:
        taxon_id: of the new leaf.
        kind: how it was found.
        old_leaves: classes of the old model whose rows are averaged; empty for `new`.
        by_taxon_id: the taxon that the relation goes by: the leaf itself, the old synonym (the
            first of several), or the common ancestor; 0 for `new`.
    """

    taxon_id: int
    kind: Kind
    old_leaves: tuple[int, ...]
    by_taxon_id: int


def head_sources(
    old: Taxonomy, new: Taxonomy, *, synonyms: Mapping[int, Sequence[int]]
) -> tuple[HeadSource, ...]:
    """Returns the source of each new leaf, in the order of its classes.

    Args:
        old: taxonomy of the model that the rows are taken from.
        new: taxonomy of the model to be made.
        synonyms: by old taxon id, the taxa that it is today; empty where it was removed.
    """
    was: dict[int, list[int]] = {}
    for old_id, today in synonyms.items():
        for taxon_id in today:
            was.setdefault(taxon_id, []).append(old_id)
    below = _leaves_below(old)
    return tuple(
        _source_of(int(taxon_id), int(node), old, new, was, below)
        for taxon_id, node in zip(new.leaf_taxon_ids, new.leaf_nodes, strict=True)
    )


def mapped_rows(
    old_rows: npt.NDArray[np.float32],
    fresh_rows: npt.NDArray[np.float32],
    sources: Sequence[HeadSource],
) -> npt.NDArray[np.float32]:
    """Returns float32 [..., N new]: one column a new leaf.

    Args:
        old_rows: float32 [..., N old], kernel or bias of the old classifier.
        fresh_rows: float32 [..., N new], what a leaf without relatives starts from.
        sources: of each new leaf.
    """
    rows = fresh_rows.copy()
    for leaf, source in enumerate(sources):
        if source.old_leaves:
            rows[..., leaf] = old_rows[..., list(source.old_leaves)].mean(axis=-1)
    return rows


def _source_of(
    taxon_id: int,
    node: int,
    old: Taxonomy,
    new: Taxonomy,
    was: Mapping[int, Sequence[int]],
    below: Mapping[int, tuple[int, ...]],
) -> HeadSource:
    became_it = (each for each in was.get(taxon_id, ()) if each != taxon_id)
    others = [old_id for old_id in became_it if old_id in old.leaf_of_taxon]
    leaves = tuple(old.leaf_of_taxon[old_id] for old_id in others)
    if taxon_id in old.leaf_of_taxon:
        own = old.leaf_of_taxon[taxon_id]
        if not others:
            return HeadSource(taxon_id, "same", (own,), taxon_id)
        return HeadSource(taxon_id, "merged", (own, *leaves), others[0])
    if others:
        return HeadSource(taxon_id, "synonym", leaves, others[0])
    # The taxon itself comes first: a genus that was a leaf's parent may be a leaf today.
    for ancestor in reversed(new.lineage(node)):
        ancestor_id = int(new.taxon_ids[ancestor])
        if ancestor_id in below:
            return HeadSource(taxon_id, "relatives", below[ancestor_id], ancestor_id)
    return HeadSource(taxon_id, "new", (), 0)


def _leaves_below(taxonomy: Taxonomy) -> dict[int, tuple[int, ...]]:
    """Leaf classes at or below each taxon, by taxon id."""
    found: dict[int, list[int]] = {}
    for node in np.flatnonzero(taxonomy.leaf_class_ids != NO_LEAF):
        leaf = int(taxonomy.leaf_class_ids[node])
        for ancestor in taxonomy.lineage(int(node)):
            found.setdefault(int(taxonomy.taxon_ids[ancestor]), []).append(leaf)
    return {taxon_id: tuple(sorted(leaves)) for taxon_id, leaves in found.items()}
