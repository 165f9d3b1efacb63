"""What is counted of each photo, by name and place: the columns that `photo_figures` fills.

Every figure of a slice is a quotient of sums of these columns. A column is a count (0 or 1 a
photo) or a number in units of 1 / ONE (see `keyed_sums`). Those of calibrated scores are 0 where a
model has none; a gap is hits less confidence, summed over a bin.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

TOP_KS = (1, 3, 5, 10)

WITHIN_LEVELS = {"genus": 20.0, "family": 30.0, "order": 40.0, "class": 50.0}
"""Errors are counted by how near they are: the lowest of these the truth and the answer share."""

ANSWER_BANDS = {
    "genus": (20.0, 20.0),
    "tribe": (20.5, 29.5),
    "family": (30.0, 30.0),
    "superfamily": (30.5, 33.0),
}
"""Rank levels that the common ancestor answers at by default, from and to, both included."""

ANSWER_RULES = ("default", "major_ranks", "unrestricted")


class PhotoColumns:
    """The columns for some ranks and bins.

    Args:
        ranks: at which the rolled-up answer is judged.
        bins: of the reliability curve.
        confident_score: score of the best leaf, calibrated if it can be, at which an error is a
            confident one.
    """

    def __init__(self, ranks: Sequence[str], bins: int, confident_score: float = 0.9) -> None:
        self.ranks, self.bins, self.confident_score = tuple(ranks), bins, confident_score

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of each column, in order."""
        names = ["photos", *(f"hit{k}" for k in TOP_KS)]
        names += ["loss", "loss_squared", "reciprocal_rank", "reciprocal_rank_squared"]
        for rank in self.ranks:
            names += [f"judged_{rank}", f"right_{rank}"]
        names += ["errors", "confident_errors", "distance", "distance_squared"]
        names += [f"errors_within_{rank}" for rank in WITHIN_LEVELS]
        for rule in ANSWER_RULES:
            names += [f"answered_{rule}", f"answer_right_{rule}"]
        for band in ANSWER_BANDS:
            names += [f"answered_at_{band}", f"answer_right_at_{band}"]
        for number in range(self.bins):
            names += [f"bin{number}_photos", f"bin{number}_hits", f"bin{number}_scores"]
        names += [f"calibrated_{name}" for name in ("photos", "loss", "loss_squared", "scores")]
        names += [f"calibrated_gap{number}" for number in range(self.bins)]
        return tuple(names)

    @cached_property
    def place(self) -> dict[str, int]:
        """Number of each column by its name."""
        return {name: number for number, name in enumerate(self.names)}
