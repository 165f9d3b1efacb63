"""Confused pairs as a table: counts and rates in both directions, and photos to look at.

Kept are, of each leaf, the leaves it was taken for most often, and those most often taken for it:
its nearest confusions. So the table grows with the leaves, and not with their pairs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.taxon_evaluator.tables.confused_pairs import ConfusedPairs, pair_keys, pair_of
from components.taxon_evaluator.tables.photo_figures import LIFE_LEVEL
from components.taxon_evaluator.tables.table_files import CONFUSIONS_SCHEMA
from components.taxon_evaluator.tables.taxon_tree import TaxonTree
from schemas.leaf_paths import NO_NODE
from schemas.wilson import wilson_interval

Ints = npt.NDArray[np.int64]


def confusions_table(
    pairs: ConfusedPairs, photos: Ints, tree: TaxonTree, *, per_leaf: int
) -> pa.Table:
    """Returns the pairs kept, the most frequent first.

    Args:
        pairs: all that occurred.
        photos: int64 [N], photos evaluated of each leaf class.
        tree: of the model.
        per_leaf: pairs kept of each leaf as the truth, and of each as the answer.
    """
    truths, answers = pair_of(pairs.counts.keys)
    counts = pairs.counts.sums[:, 0]
    near = (_place(truths, counts) < per_leaf) | (_place(answers, counts) < per_leaf)
    kept = np.flatnonzero(near)
    kept = kept[np.lexsort((pairs.counts.keys[kept], -counts[kept]))]
    truths, answers, counts = truths[kept], answers[kept], counts[kept]
    reverse = pairs.counts.at(pair_keys(answers, truths))[:, 0]
    low, high = wilson_interval(counts, photos[truths])
    columns = {
        "taxon_id": tree.taxonomy.leaf_taxon_ids[truths],
        "answer_taxon_id": tree.taxonomy.leaf_taxon_ids[answers],
        "common_rank_level": common_level(truths, answers, tree),
        "n": photos[truths],
        "count": counts,
        "rate": counts / photos[truths],
        "low": low,
        "high": high,
        "reverse_n": photos[answers],
        "reverse_count": reverse,
        "reverse_rate": reverse / np.maximum(photos[answers], 1),
        "photo_ids": _photos_of(pairs, pairs.counts.keys[kept]),
    }
    names = CONFUSIONS_SCHEMA.names
    return pa.table([columns[name] for name in names], names=names)


def _place(leaves: Ints, counts: Ints) -> Ints:
    """How many pairs of the same leaf come before each: the more frequent, then the earlier."""
    order = np.lexsort((np.arange(len(leaves)), -counts, leaves))
    ordered = leaves[order]
    place = np.empty(len(leaves), np.int64)
    place[order] = np.arange(len(leaves)) - np.searchsorted(ordered, ordered)
    return place


def common_level(truths: Ints, answers: Ints, tree: TaxonTree) -> npt.NDArray[np.float64]:
    """Returns float64 [B]: rank level of the lowest taxon that holds both leaves of each pair.

    Args:
        truths: int64 [B], leaf class.
        answers: int64 [B], leaf class.
        tree: of the model.
    """
    shared = tree.paths.common_nodes(truths, answers)
    levels = tree.taxonomy.rank_levels[shared].astype(np.float64)
    return np.where(shared == NO_NODE, LIFE_LEVEL, levels)


def _photos_of(pairs: ConfusedPairs, keys: Ints) -> pa.Array:
    starts = np.searchsorted(pairs.photo_pairs, keys)
    ends = np.searchsorted(pairs.photo_pairs, keys, side="right")
    lengths = ends - starts
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    place = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array(pairs.photo_ids[place], pa.int64())
    )
