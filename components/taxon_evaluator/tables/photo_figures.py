"""What one photo adds to every figure, for a batch at a time.

Works on what the `evaluate` signature gives (serving.signatures): the best k leaves with their
scores, and the rank and score of the truth. Nothing is as wide as the number of leaves, so that a
photo costs as much with 100 leaves as with 80,000.

    columns = PhotoColumns(tree.ranks, bins=10)
    rows = photo_figures(answers, tree, columns)      # int64 [B, M]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.tables.keyed_sums import ONE, fixed
from components.taxon_evaluator.tables.photo_columns import (
    ANSWER_BANDS,
    TOP_KS,
    WITHIN_LEVELS,
    PhotoColumns,
)
from components.taxon_evaluator.tables.taxon_tree import NO_TAXON, TaxonTree
from schemas.leaf_paths import NO_NODE
from serving.rollup import DEFAULT, MAJOR_RANKS, UNRESTRICTED

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SMALLEST_SCORE = 1e-7
"""Log loss counts a score of 0 as this, as Keras does: one photo cannot make it infinite."""

LIFE_LEVEL = 100.0
"""Rank level where truth and answer share no kingdom, as iNaturalist's root has it."""

_RULES = {"default": DEFAULT, "major_ranks": MAJOR_RANKS, "unrestricted": UNRESTRICTED}


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model says of B photos.

    Attributes:
        truths: int64 [B], leaf class of each photo.
        classes: int64 [B, k], best leaves, best first.
        scores: float64 [B, k], their scores; what is no number counts as 0.
        ranks: int64 [B], place of the truth among all leaves, from 1.
        truth_scores: float64 [B], score of the truth.
        calibrated_truth_scores: float64 [B], the same of calibrated scores; None of a model
            without a temperature.
        calibrated_top_scores: float64 [B], calibrated score of the best leaf; None likewise.
    """

    truths: Ints
    classes: Ints
    scores: Floats
    ranks: Ints
    truth_scores: Floats
    calibrated_truth_scores: Floats | None = None
    calibrated_top_scores: Floats | None = None

    @property
    def confidence(self) -> Floats:
        """float64 [B], score of the best leaf, calibrated if it can be."""
        calibrated = self.calibrated_top_scores
        return self.scores[:, 0] if calibrated is None else np.nan_to_num(calibrated)


def photo_figures(answers: Answers, tree: TaxonTree, columns: PhotoColumns) -> Ints:
    """Returns int64 [B, M], a row a photo, a column for each of `columns.names`."""
    rows = np.zeros((len(answers.truths), len(columns.names)), np.int64)
    for fill in _FILLS:
        for name, values in fill(answers, tree, columns).items():
            rows[:, columns.place[name]] = values
    return rows


def rolled_up(answers: Answers, ancestors: Ints) -> Ints:
    """Returns int64 [B]: the taxon of a rank that holds most of the best leaves' score.

    Of equals, the one with the best leaf; NO_TAXON where no best leaf has an ancestor there.

    Args:
        answers: B photos.
        ancestors: int64 [N], a row of `TaxonTree.ancestors`.
    """
    taxa = ancestors[answers.classes]
    same = (taxa[:, :, None] == taxa[:, None, :]) & (taxa != NO_TAXON)[:, None, :]
    held = np.where(taxa == NO_TAXON, -1.0, np.einsum("bij,bj->bi", same, answers.scores))
    return np.take_along_axis(taxa, np.argmax(held, axis=1)[:, None], axis=1)[:, 0]


def _fill_ranks(answers: Answers, tree: TaxonTree, columns: PhotoColumns) -> dict[str, Ints]:
    del tree, columns
    hits = {f"hit{k}": (answers.ranks <= k).astype(np.int64) for k in TOP_KS}
    return {"photos": np.ones(len(answers.ranks), np.int64), **hits}


def _fill_losses(answers: Answers, tree: TaxonTree, columns: PhotoColumns) -> dict[str, Ints]:
    del tree, columns
    losses = _losses(answers.truth_scores)
    reciprocal = 1.0 / answers.ranks
    return {
        "loss": fixed(losses),
        "loss_squared": fixed(losses**2),
        "reciprocal_rank": fixed(reciprocal),
        "reciprocal_rank_squared": fixed(reciprocal**2),
    }


def _fill_ranked(answers: Answers, tree: TaxonTree, columns: PhotoColumns) -> dict[str, Ints]:
    del columns
    filled = {}
    for rank, ancestors in zip(tree.ranks, tree.ancestors, strict=True):
        truth = ancestors[answers.truths]
        judged = truth != NO_TAXON
        right = judged & (rolled_up(answers, ancestors) == truth)
        filled[f"judged_{rank}"] = judged.astype(np.int64)
        filled[f"right_{rank}"] = right.astype(np.int64)
    return filled


def _fill_errors(answers: Answers, tree: TaxonTree, columns: PhotoColumns) -> dict[str, Ints]:
    wrong = answers.ranks > 1
    confident = wrong & (answers.confidence >= columns.confident_score)
    shared = tree.paths.common_nodes(answers.truths, answers.classes[:, 0])
    level = np.where(shared == NO_NODE, LIFE_LEVEL, tree.taxonomy.rank_levels[shared])
    level = level.astype(np.float64)
    within = {
        f"errors_within_{rank}": (wrong & (level <= highest)).astype(np.int64)
        for rank, highest in WITHIN_LEVELS.items()
    }
    return {
        "errors": wrong.astype(np.int64),
        "confident_errors": confident.astype(np.int64),
        "distance": fixed(np.where(wrong, level, 0.0)),
        "distance_squared": fixed(np.where(wrong, level**2, 0.0)),
        **within,
    }


def _fill_answers(answers: Answers, tree: TaxonTree, columns: PhotoColumns) -> dict[str, Ints]:
    del columns
    truth_paths = tree.paths.nodes[answers.truths]
    filled: dict[str, Ints] = {}
    for name, rule in _RULES.items():
        nodes = tree.roll_up.common_ancestors(answers.classes, answers.scores, rule).nodes
        answered = nodes != NO_NODE
        right = answered & (truth_paths == nodes[:, None]).any(axis=1)
        filled[f"answered_{name}"] = answered.astype(np.int64)
        filled[f"answer_right_{name}"] = right.astype(np.int64)
        if name == "default":
            filled |= _by_band(tree.taxonomy.rank_levels[nodes], answered, right)
    return filled


def _by_band(
    levels: npt.NDArray[np.float32], answered: npt.NDArray[np.bool_], right: npt.NDArray[np.bool_]
) -> dict[str, Ints]:
    filled: dict[str, Ints] = {}
    for band, (low, high) in ANSWER_BANDS.items():
        inside = answered & (levels >= low) & (levels <= high)
        filled[f"answered_at_{band}"] = inside.astype(np.int64)
        filled[f"answer_right_at_{band}"] = (inside & right).astype(np.int64)
    return filled


def _fill_bins(answers: Answers, tree: TaxonTree, columns: PhotoColumns) -> dict[str, Ints]:
    del tree
    confidence = fixed(np.clip(answers.scores[:, 0], 0.0, 1.0))
    number = _bins(confidence, columns)
    hits = (answers.ranks == 1).astype(np.int64)
    filled: dict[str, Ints] = {}
    for one in range(columns.bins):
        inside = (number == one).astype(np.int64)
        filled[f"bin{one}_photos"] = inside
        filled[f"bin{one}_hits"] = inside * hits
        filled[f"bin{one}_scores"] = inside * confidence
    return filled


def _fill_calibrated(answers: Answers, tree: TaxonTree, columns: PhotoColumns) -> dict[str, Ints]:
    del tree
    truth, top = answers.calibrated_truth_scores, answers.calibrated_top_scores
    if truth is None or top is None:
        return {}
    losses = _losses(truth)
    confidence = fixed(np.clip(top, 0.0, 1.0))
    number = _bins(confidence, columns)
    gaps = (answers.ranks == 1) * ONE - confidence
    return {
        "calibrated_photos": np.ones(len(losses), np.int64),
        "calibrated_loss": fixed(losses),
        "calibrated_loss_squared": fixed(losses**2),
        "calibrated_scores": confidence,
        **{f"calibrated_gap{one}": (number == one) * gaps for one in range(columns.bins)},
    }


def _losses(scores: Floats) -> Floats:
    return np.asarray(-np.log(np.maximum(np.nan_to_num(scores), SMALLEST_SCORE)))


def _bins(confidence: Ints, columns: PhotoColumns) -> Ints:
    """int64 [B]: open below and closed above, as in the papers; 0 falls in the first."""
    return np.clip((confidence * columns.bins - 1) // ONE, 0, columns.bins - 1)


_FILLS = (
    _fill_ranks,
    _fill_losses,
    _fill_ranked,
    _fill_errors,
    _fill_answers,
    _fill_bins,
    _fill_calibrated,
)
