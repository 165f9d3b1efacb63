"""Photos, hits and answers by slice and leaf, for slices that are not made of whole leaves.

A licence or a year holds some of the photos of a leaf, so that its macro averages need counts of
its own of each leaf. Only pairs that occur are kept: at most two a photo, however many leaves and
slices there are.

Law: as `keyed_sums.merge`. Slices are numbered in the order of their names, so numbers depend on
nothing but the names themselves.

    merge_sliced([SlicedLeaves.of(years, truths, answers, hits), others]).figures()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.tables.figures import Figure
from components.taxon_evaluator.tables.keyed_sums import KeyedSums, merge
from components.taxon_evaluator.tables.macro_averages import macro_figures

Ints = npt.NDArray[np.int64]

_SHIFT = 32


@dataclass(frozen=True, eq=False)
class SlicedLeaves:
    """Counts of a family of slices.

    Attributes:
        names: str [S], slices, sorted.
        counts: by number of slice and leaf class: photos of the leaf, photos of it that were
            answered with it, photos answered with it.
    """

    names: npt.NDArray[Any]
    counts: KeyedSums

    @classmethod
    def of(
        cls,
        slices: npt.NDArray[Any],
        truths: Ints,
        answers: Ints,
        hits: npt.NDArray[np.bool_],
    ) -> SlicedLeaves:
        """Returns the counts of B photos.

        Args:
            slices: str [B].
            truths: int64 [B], leaf class.
            answers: int64 [B], leaf class of the best answer.
            hits: bool [B], whether they are the same.
        """
        names, number = np.unique(slices, return_inverse=True)
        ones, none = np.ones(len(truths), np.int64), np.zeros(len(truths), np.int64)
        asked = np.stack([ones, hits.astype(np.int64), none], axis=1)
        answered = np.stack([none, none, ones], axis=1)
        keys = np.concatenate([_keys(number, truths), _keys(number, answers)])
        return cls(names, KeyedSums.of(keys, np.concatenate([asked, answered])))

    def figures(self) -> dict[str, Figure]:
        """Returns the macro averages of each slice, in the order of `names`."""
        photos, hits, answered = self.counts.sums.T
        return macro_figures(self.counts.keys >> _SHIFT, len(self.names), photos, hits, answered)


def merge_sliced(parts: Sequence[SlicedLeaves]) -> SlicedLeaves:
    """Returns several parts, at least one, as one."""
    if len(parts) == 1:
        return parts[0]
    names = np.unique(np.concatenate([part.names for part in parts]))
    return SlicedLeaves(names, merge([_renumbered(part, names) for part in parts]))


def _renumbered(part: SlicedLeaves, names: npt.NDArray[Any]) -> KeyedSums:
    number = np.searchsorted(names, part.names)
    keys = part.counts.keys
    leaves = keys & ((1 << _SHIFT) - 1)
    # Names are sorted in both, so keys stay sorted, too.
    return KeyedSums(_keys(number[keys >> _SHIFT], leaves), part.counts.sums)


def _keys(numbers: npt.NDArray[np.intp], leaves: Ints) -> Ints:
    return (numbers.astype(np.int64) << _SHIFT) | leaves
