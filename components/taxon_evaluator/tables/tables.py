"""Everything that is counted in an evaluation: one value, made of a batch, that merges.

What depends on the leaf alone (its genus, its iconic taxon, how many photos it trained on) is not
counted by itself: those slices are sums over leaves, taken once at the end. So a photo is counted
a handful of times, however many slices it stands in.

Law: `merge_tables` is associative and commutative to the last bit.

    tables = merge_tables([tables_of(photos, tree, columns, max_photos=5) for photos in batches])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.tables.confused_pairs import (
    ConfusedPairs,
    merge_pairs,
    pair_keys,
)
from components.taxon_evaluator.tables.keyed_sums import KeyedSums, fixed, merge
from components.taxon_evaluator.tables.photo_columns import PhotoColumns
from components.taxon_evaluator.tables.photo_figures import Answers, photo_figures, rolled_up
from components.taxon_evaluator.tables.sliced_leaves import SlicedLeaves, merge_sliced
from components.taxon_evaluator.tables.taxon_tree import NO_TAXON, TaxonTree

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Photos:
    """B photos and what the model says of them.

    Attributes:
        answers: of the model.
        photo_ids: int64 [B].
        slices: by the name of a family of slices, str [B]: the slice of each photo.
    """

    answers: Answers
    photo_ids: Ints
    slices: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Tables:
    """Counts of an evaluation.

    Attributes:
        leaves: figures by the true leaf's class.
        slices: figures by family of slices and slice, for what a leaf does not decide.
        answered: by rank (number 0 is the leaf, then the tree's ranks) the taxa answered with:
            keys of `answer_keys`; columns: how often, and how often rightly.
        pairs: true leaf, answered leaf.
        sliced_leaves: by family of slices, what macro averages of its slices are taken from.
    """

    leaves: KeyedSums
    slices: Mapping[str, KeyedSums]
    answered: KeyedSums
    pairs: ConfusedPairs
    sliced_leaves: Mapping[str, SlicedLeaves]

    @property
    def rows(self) -> int:
        """How large it is, roughly."""
        return len(self.leaves) + len(self.answered) + len(self.pairs.photo_ids)


_RANK_SHIFT = 48


def answer_keys(rank_number: int, taxon_ids: Ints) -> Ints:
    """Returns int64 [B]: keys of `Tables.answered`.

    Args:
        rank_number: 0 for leaves, r + 1 for the tree's rank r.
        taxon_ids: int64 [B], below 2^48.
    """
    return taxon_ids | (rank_number << _RANK_SHIFT)


def tables_of(photos: Photos, tree: TaxonTree, columns: PhotoColumns, *, max_photos: int) -> Tables:
    """Returns the tables of a batch.

    Args:
        photos: the batch, not empty.
        tree: of the model.
        columns: what is counted.
        max_photos: most photos kept of a confused pair.
    """
    answers = photos.answers
    figures = photo_figures(answers, tree, columns)
    wrong = answers.ranks > 1
    return Tables(
        KeyedSums.of(answers.truths, figures),
        {name: KeyedSums.of(keys, figures) for name, keys in photos.slices.items()},
        _answered(answers, tree),
        ConfusedPairs.of(
            pair_keys(answers.truths[wrong], answers.classes[wrong, 0]),
            fixed(answers.confidence[wrong]),
            photos.photo_ids[wrong],
            max_photos=max_photos,
        ),
        {
            name: SlicedLeaves.of(keys, answers.truths, answers.classes[:, 0], answers.ranks == 1)
            for name, keys in photos.slices.items()
        },
    )


def merge_tables(parts: Sequence[Tables]) -> Tables:
    """Returns several parts, at least one, as one."""
    if len(parts) == 1:
        return parts[0]
    return Tables(
        merge([part.leaves for part in parts]),
        {name: merge([part.slices[name] for part in parts]) for name in parts[0].slices},
        merge([part.answered for part in parts]),
        merge_pairs([part.pairs for part in parts]),
        {
            name: merge_sliced([part.sliced_leaves[name] for part in parts])
            for name in parts[0].sliced_leaves
        },
    )


def _answered(answers: Answers, tree: TaxonTree) -> KeyedSums:
    leaf_taxa = tree.taxonomy.leaf_taxon_ids
    keys, right = [leaf_taxa[answers.classes[:, 0]]], [answers.ranks == 1]
    for number, ancestors in enumerate(tree.ancestors, start=1):
        taxa = rolled_up(answers, ancestors)
        known = taxa != NO_TAXON
        keys.append(answer_keys(number, taxa[known]))
        right.append((taxa == ancestors[answers.truths])[known])
    hits = np.concatenate(right).astype(np.int64)
    return KeyedSums.of(np.concatenate(keys), np.stack([np.ones_like(hits), hits], axis=1))
