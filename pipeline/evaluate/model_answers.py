"""Scores as the `evaluate` signature gives them: the best leaves, and the rank of the truth.

Laws: where outputs are the leaves, it is what `serving.signatures` computes, ties included. A leaf
without an output is never among the best, and ranks beyond every place that is asked for.

    reader = AnswerReader(joint.output_classes)
    reader.answers(scores, truths)      # float32 [B, M], int64 [B] -> Answers
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.tables.photo_figures import Answers
from serving.rollup import DEFAULT
from serving.temperature import apply_temperature

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

NEVER = 2**31 - 1
"""Rank of a leaf that no output says."""


class AnswerReader:
    """Reads the scores of one model.

    Args:
        output_classes: int64 [M], leaf class of each output; of several with one class, scores add.
        temperature: of a calibrated model.
    """

    def __init__(self, output_classes: Ints, temperature: float | None = None) -> None:
        self._temperature = temperature
        self._classes, self._place = np.unique(output_classes, return_inverse=True)
        self._order = np.argsort(self._place, kind="stable")
        self._starts = np.searchsorted(self._place[self._order], np.arange(len(self._classes)))

    def answers(self, scores: Floats, truths: Ints) -> Answers:
        """Returns what the model says of B photos.

        Args:
            scores: float32 [B, M], 0 or more.
            truths: int64 [B], leaf class of each photo.
        """
        summed = self._by_class(scores)
        best = best_leaves(summed, DEFAULT.max_leaves)
        own = np.searchsorted(self._classes, truths)
        own = np.minimum(own, len(self._classes) - 1)
        known = self._classes[own] == truths
        score = summed[np.arange(len(truths)), own]
        return Answers(
            truths=truths,
            classes=self._classes[best],
            scores=np.take_along_axis(summed, best, axis=1).astype(np.float64),
            ranks=np.where(known, _rank(summed, own, score), NEVER),
            truth_scores=np.where(known, score, 0.0).astype(np.float64),
            **self._calibrated(summed, own, known),
        )

    def _calibrated(
        self, summed: Floats, own: Ints, known: npt.NDArray[np.bool_]
    ) -> dict[str, npt.NDArray[np.float64]]:
        if self._temperature is None:
            return {}
        scores = apply_temperature(summed, self._temperature)
        return {
            "calibrated_truth_scores": np.where(known, scores[np.arange(len(own)), own], 0.0),
            "calibrated_top_scores": scores.max(axis=1),
        }

    def _by_class(self, scores: Floats) -> Floats:
        if len(self._classes) == scores.shape[1]:
            return scores[:, self._order]
        return np.add.reduceat(scores[:, self._order], self._starts, axis=1)


def best_leaves(scores: Floats, k: int) -> Ints:
    """Returns int64 [B, min(k, C)]: the best, best first; of equals the lower one first.

    What `serving.rollup.top_leaves` gives, without sorting all of 80,000.

    Args:
        scores: float32 [B, C], 0 or more.
        k: how many.
    """
    width = scores.shape[1]
    # Floats of one sign are ordered as their bits are; the place makes every key another one.
    bits = (scores + np.float32(0)).view(np.int32).astype(np.int64)
    keys = (bits << 32) | (width - 1 - np.arange(width))
    if k < width:
        keys = np.partition(keys, width - k, axis=1)[:, width - k :]
    keys = -np.sort(-keys, axis=1)
    return width - 1 - (keys & ((1 << 32) - 1))


def _rank(scores: Floats, own: Ints, score: Floats) -> Ints:
    """int64 [B]: place of each truth, 1 being the best; of equals the lower class comes first."""
    higher = scores > score[:, None]
    tied_before = (scores == score[:, None]) & (np.arange(scores.shape[1]) < own[:, None])
    return 1 + (higher | tied_before).sum(axis=1)
