"""Whether a network that was written anew answers as the one that it was made from.

A difference in a score tells little: of 80,000 leaves an unsure network gives each 0.00001 whatever
it sees, and so does one with a wrong scaling inside. So two things are compared that do not shrink
with the number of leaves, each in relation to how much it changes from picture to picture:

* the logarithms of the scores, which are the logits but for what all leaves share;
* the features below the head.

The pictures are smooth, of all colours and brightnesses: noise looks to a network like other noise,
since it averages.

    pixels = smooth_pictures(224)                         # float32 [4, 224, 224, 3]
    found = difference(first.outputs(pixels), second.outputs(pixels))
    found.of_changes                                      # 1e-5: the same; 1: nothing in common

Measured on five of the trainer's networks, from `small` to Xception: the same weights in Keras 3
and Keras 2 differ by at most 7e-5; where 0..1 is taken for -1..1, answers differ by more than 1,
and where pixels are 1 % brighter, by 0.014 or more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Outputs = tuple[Floats, Floats | None]
"""Scores [B, N], and features [B, C] if they are given."""

PICTURES = 4
_GRID = 5
_LEAST_SCORE = 1e-30
"""Below, float32 loses digits."""

_LEAST_CHANGE = 1e-4
"""Of the largest value: a network that says the same of every picture still has rounding."""


@dataclass(frozen=True)
class Difference:
    """Between the answers of two networks, the largest found; NaN if an answer was no number.

    Attributes:
        score: in a score, 0..1.
        log_score: in the logarithm of a score, as a share of its largest change between pictures.
        feature: in a feature, likewise; 0 without features.
    """

    score: float
    log_score: float
    feature: float

    @property
    def of_changes(self) -> float:
        """The larger of the two shares; NaN if either is."""
        return float(np.maximum(self.log_score, self.feature))

    def within(self, *, score: float, share: float) -> bool:
        """Returns whether no difference is above its bar; what is no number is."""
        return self.score <= score and self.of_changes <= share

    @property
    def words(self) -> str:
        """The figures for a message."""
        return (
            f"{self.score:.3g} in a score, {self.log_score:.3g} of what the logarithms of scores "
            f"change by between pictures, {self.feature:.3g} of what features do"
        )


def difference(expected: Outputs, received: Outputs) -> Difference:
    """Returns how much the answers to the same pictures differ.

    Args:
        expected: of the network that is right.
        received: of the other.
    """
    scores, features = expected
    other_scores, other_features = received
    feature = 0.0
    if features is not None and other_features is not None:
        feature = _share(features, other_features)
    return Difference(
        score=float(np.abs(scores - other_scores).max()),
        log_score=_share(_log(scores), _log(other_scores)),
        feature=feature,
    )


def smooth_pictures(size_px: int) -> Floats:
    """Returns float32 [4, S, S, 3], 0..255: soft patches of colour, from dark to bright."""
    colours = np.random.default_rng(0).uniform(0, 255, (PICTURES, _GRID, _GRID, 3))
    colours *= np.linspace(0.25, 1, PICTURES)[:, None, None, None]
    places = np.linspace(0, _GRID - 1, size_px)
    shares = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(_GRID)))
    return np.einsum("yr,brcd,xc->byxd", shares, colours, shares).astype(np.float32)


def _log(scores: Floats) -> Floats:
    return np.log(np.maximum(scores, np.float32(_LEAST_SCORE)))


def _share(expected: Floats, received: Floats) -> float:
    change = np.abs(expected - expected.mean(axis=0)).max()
    least = _LEAST_CHANGE * np.abs(expected).max()
    return float(np.abs(expected - received).max() / max(change, least, np.finfo(np.float32).tiny))
