"""Photos that a made-up model answered, with everything a slow calculation needs beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from taxonomy_trees import taxonomies  # noqa: F401  (for those who draw a taxonomy)

from components.taxon_evaluator.tables.photo_columns import PhotoColumns
from components.taxon_evaluator.tables.photo_figures import Answers
from components.taxon_evaluator.tables.tables import Photos, Tables, tables_of
from components.taxon_evaluator.tables.taxon_tree import TaxonTree
from schemas.taxonomy import Taxonomy
from serving.rollup import top_leaves
from serving.temperature import apply_temperature

RANKS = ("species", "genus", "family", "order", "class", "iconic")
COLUMNS = PhotoColumns(RANKS, bins=7)
TEMPERATURE = 1.7
YEARS = ("2019", "2020", "unknown")


@dataclass(frozen=True)
class Evaluated:
    """B photos.

    Attributes:
        photos: as the tables take them.
        scores: float [B, N], all scores.
        order: int [B, N], leaves of each photo from best to worst.
    """

    photos: Photos
    scores: np.ndarray
    order: np.ndarray

    @property
    def truths(self) -> np.ndarray:
        return self.photos.answers.truths

    @property
    def answers(self) -> np.ndarray:
        return self.order[:, 0]

    @property
    def ranks(self) -> np.ndarray:
        return self.photos.answers.ranks

    def part(self, rows: np.ndarray) -> Photos:
        whole = self.photos.answers
        return Photos(
            Answers(
                whole.truths[rows],
                whole.classes[rows],
                whole.scores[rows],
                whole.ranks[rows],
                whole.truth_scores[rows],
                whole.calibrated_truth_scores[rows],
                whole.calibrated_top_scores[rows],
            ),
            self.photos.photo_ids[rows],
            {name: values[rows] for name, values in self.photos.slices.items()},
        )


def evaluated(taxonomy: Taxonomy, *, count: int, seed: int) -> Evaluated:
    """Returns photos whose model is right more often than not."""
    rng = np.random.default_rng(seed)
    truths = rng.integers(0, taxonomy.num_leaves, count)
    # Few values, so that scores tie.
    scores = rng.integers(0, 6, (count, taxonomy.num_leaves)).astype(np.float64) ** 2
    scores[np.arange(count), truths] += 8 * rng.integers(0, 4, count)
    scores = (scores + 1e-3) / (scores + 1e-3).sum(axis=1, keepdims=True)
    calibrated = apply_temperature(scores, TEMPERATURE)
    order, ranked = top_leaves(scores, taxonomy.num_leaves)
    answers = Answers(
        truths=truths,
        classes=order[:, :15],
        scores=ranked[:, :15],
        ranks=1 + np.argmax(order == truths[:, None], axis=1),
        truth_scores=scores[np.arange(count), truths],
        calibrated_truth_scores=calibrated[np.arange(count), truths],
        calibrated_top_scores=calibrated.max(axis=1),
    )
    years = np.array(YEARS)[rng.integers(0, len(YEARS), count)]
    return Evaluated(Photos(answers, 1000 + rng.permutation(count), {"year": years}), scores, order)


def tables(photos: Photos, tree: TaxonTree, *, max_photos: int = 2) -> Tables:
    return tables_of(photos, tree, COLUMNS, max_photos=max_photos)
