"""Slices that are made of whole leaves: all, each leaf, each ancestor, each bucket of training.

Their sums are sums over leaves, so that they cost nothing while photos come in; and they have
macro averages, in which a taxon of three photos counts as much as one of three hundred.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.tables.figures import Figure, share, without_interval
from components.taxon_evaluator.tables.keyed_sums import KeyedSums
from components.taxon_evaluator.tables.macro_averages import macro_figures
from components.taxon_evaluator.tables.photo_columns import PhotoColumns
from components.taxon_evaluator.tables.tables import Tables, answer_keys
from components.taxon_evaluator.tables.taxon_tree import NO_TAXON, TaxonTree

Ints = npt.NDArray[np.int64]

OVERALL, LEAF, TRAIN_PHOTOS = "overall", "leaf", "train_photos"

TAXON_METRICS = {"precision": True, "recall": True, "f1": False}
"""Metrics of slices that are taxa, and whether they have an interval."""


@dataclass(frozen=True, eq=False)
class LeafGroups:
    """A family of slices that are made of leaves.

    Attributes:
        family: its name; a rank for ancestors.
        keys: int64 [S], taxon ids, or numbers of buckets.
        group_of_leaf: int64, for each row of `Tables.leaves` the number of its slice, or -1.
        names: names of the slices, if they are not taxa.
        rank_number: as in `answer_keys`, if they are taxa that are answered with.
    """

    family: str
    keys: Ints
    group_of_leaf: Ints
    names: tuple[str, ...] | None = None
    rank_number: int | None = None

    def sums(self, leaves: KeyedSums) -> Ints:
        """Returns int64 [S, M]: the sums of the slices."""
        inside = self.group_of_leaf >= 0
        summed = KeyedSums.of(self.group_of_leaf[inside], leaves.sums[inside])
        return summed.at(np.arange(len(self.keys)))


def leaf_groups(
    leaves: Ints, tree: TaxonTree, train_photos: Ints, bucket_edges: Sequence[int]
) -> Iterator[LeafGroups]:
    """Yields the families.

    Args:
        leaves: int64, leaf classes that were evaluated.
        tree: of the model.
        train_photos: int64 [N], photos of each leaf in training.
        bucket_edges: of photos in training, rising: a bucket reaches from one to below the next.
    """
    yield LeafGroups(OVERALL, np.zeros(1, np.int64), np.zeros(len(leaves), np.int64), ("all",))
    taxa = tree.taxonomy.leaf_taxon_ids[leaves]
    yield LeafGroups(LEAF, taxa, np.arange(len(leaves)), rank_number=0)
    for number, (rank, ancestors) in enumerate(
        zip(tree.ranks, tree.ancestors, strict=True), start=1
    ):
        above = ancestors[leaves]
        if ((above == NO_TAXON) | (above == taxa)).all():
            continue  # leaves all, as species are: they are there already
        keys = np.unique(above[above != NO_TAXON])
        place = np.where(above == NO_TAXON, -1, np.searchsorted(keys, above))
        yield LeafGroups(rank, keys, place, rank_number=number)
    bucket = np.searchsorted(np.array(bucket_edges), train_photos[leaves], side="right")
    names = bucket_names(bucket_edges)
    yield LeafGroups(TRAIN_PHOTOS, np.arange(len(names)), bucket, names)


def bucket_names(edges: Sequence[int]) -> tuple[str, ...]:
    """Returns names of the buckets between edges.

    >>> bucket_names([50, 100])
    ('0-49', '50-99', '100 and more')
    """
    starts = [0, *edges]
    names = [f"{low}-{high - 1}" for low, high in zip(starts, edges, strict=False)]
    return (*names, f"{starts[-1]} and more")


def group_figures(
    groups: LeafGroups, tables: Tables, columns: PhotoColumns, leaf_taxa: Ints
) -> dict[str, Figure]:
    """Returns the figures of slices of whole leaves that come from the leaves' own.

    Args:
        groups: S slices.
        tables: of the evaluation.
        columns: of `tables.leaves`.
        leaf_taxa: int64 [N], taxon id of each leaf class.
    """
    leaves = tables.leaves
    answered = tables.answered.at(answer_keys(0, leaf_taxa[leaves.keys]))
    photos = leaves.sums[:, columns.place["photos"]]
    hits = leaves.sums[:, columns.place["hit1"]]
    figures = {}
    if groups.family != LEAF:
        figures = macro_figures(
            groups.group_of_leaf, len(groups.keys), photos, hits, answered[:, 0]
        )
    if groups.rank_number is not None:
        figures |= _answered_with(groups, tables, columns)
    return figures


def _answered_with(groups: LeafGroups, tables: Tables, columns: PhotoColumns) -> dict[str, Figure]:
    """Precision, recall and their harmonic mean of the slice's own taxon."""
    assert groups.rank_number is not None
    given = tables.answered.at(answer_keys(groups.rank_number, groups.keys))
    photos = groups.sums(tables.leaves)[:, columns.place["photos"]]
    answered, right = given[:, 0], given[:, 1]
    f1 = 2 * right / np.maximum(photos + answered, 1)
    return {
        "precision": share(right, answered),
        "recall": share(right, photos),
        "f1": without_interval(f1, photos),
    }
