"""Two models on the same photos: how often both, one alone, or neither was right, for each taxon.

Only leaves that both models have are compared. A photo of another leaf is left out; and a model's
answer is the best of its leaves that the other has, too, so that a model which learned new taxa is
not held to be worse for naming one of them. Models of the same leaves answer as they always do.

Law: counts are `KeyedSums` by taxon id, so parts merge in any order to the last bit; swapping the
models swaps `only_candidate` and `only_baseline`.

    shared = shared_taxa(candidate_taxonomy, baseline_taxonomy)
    counts = pair_counts(truths, candidate_answers, baseline_answers, shared)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.tables.keyed_sums import KeyedSums
from schemas.taxonomy import Taxonomy

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

OUTCOMES = ("both", "only_candidate", "only_baseline", "neither")
"""Columns of the counts."""

NO_ANSWER = -1
"""Where a model gave none: no taxon has this id."""


def shared_taxa(candidate: Taxonomy, baseline: Taxonomy) -> Ints:
    """Returns int64 [S], sorted: taxon ids that are leaves of both."""
    return np.intersect1d(candidate.leaf_taxon_ids, baseline.leaf_taxon_ids)


def pair_counts(truths: Ints, candidate: Ints, baseline: Ints, shared: Ints) -> KeyedSums:
    """Returns the counts of OUTCOMES by true taxon id.

    Args:
        truths: int64 [B], taxon id of each photo.
        candidate: int64 [B, k], taxon ids that the candidate answers with, the best first.
        baseline: int64 [B, j], those of the baseline.
        shared: int64 [S], sorted, at least one: the leaves to compare on.
    """
    compared = _among(truths, shared)
    truths = truths[compared]
    won = first_shared(candidate[compared], shared) == truths
    held = first_shared(baseline[compared], shared) == truths
    outcomes = np.stack([won & held, won & ~held, ~won & held, ~won & ~held], axis=1)
    return KeyedSums.of(truths, outcomes.astype(np.int64))


def first_shared(answers: Ints, shared: Ints) -> Ints:
    """Returns int64 [B]: the first shared taxon of each row [k]; NO_ANSWER where there is none."""
    known = _among(answers, shared)
    place = known.argmax(axis=1)
    rows = np.arange(len(answers))
    return np.where(known[rows, place], answers[rows, place], NO_ANSWER)


def _among(taxa: Ints, shared: Ints) -> Bools:
    place = np.minimum(np.searchsorted(shared, taxa), len(shared) - 1)
    return np.asarray(shared[place] == taxa)
