"""Which training is of which export, and which photos each was asked.

Two designs can be read:

* each export's trainings answered photos of their own (its val split): between exports there is
  the noise of photos, too, which is known and taken off;
* all trainings answered the same photos (`fieldmark evaluate --out` on one export): what these
  happen to be is the same for all, and in no difference.

    design = design_of(runs)
    design.groups, design.sets
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.variance.evaluated_run import EvaluatedRun
from schemas.errors import ConfigError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_SAME_PHOTOS = (
    "`fieldmark evaluate MODEL --export DIR --out DIR`, each model on the same export, makes "
    "evaluations of the same photos."
)


@dataclass(frozen=True, eq=False)
class Design:
    """R runs.

    Attributes:
        exports: what was trained on, in the order given.
        groups: int64 [R], number of each run's export.
        shares_photos: whether all runs answered the same photos.
    """

    exports: tuple[str, ...]
    groups: Ints
    shares_photos: bool

    @property
    def sets(self) -> Ints:
        """int64 [R]: number of the set of photos that each run answered."""
        return np.zeros_like(self.groups) if self.shares_photos else self.groups

    def by_set(self, photos: Ints, hits: Ints) -> tuple[Ints, Floats]:
        """Returns photos, int64 [G, T], and hits, float64 [G, T], of each set of photos.

        Hits are a mean over the trainings that answered a set.

        Args:
            photos: int64 [R, T], the same for all runs of a set.
            hits: int64 [R, T].
        """
        sets = self.sets
        numbers = range(int(sets.max()) + 1)
        return (
            np.stack([photos[sets == number][0] for number in numbers]),
            np.stack([hits[sets == number].mean(axis=0) for number in numbers]),
        )


def design_of(runs: Sequence[EvaluatedRun]) -> Design:
    """Returns the design of runs of the same leaves.

    Raises:
        ConfigError: if there is one run alone, or the photos that runs answered are neither all the
            same, nor each export's own.
    """
    if len(runs) < 2:
        raise ConfigError(
            "A spread takes two runs at least: of two exports for the sampling of photos, of one "
            f"export and two seeds for chance in training. Received: {len(runs)}."
        )
    exports = tuple(dict.fromkeys(run.trained_on for run in runs))
    photo_sets = {run.evaluated_on for run in runs}
    pairs = {(run.trained_on, run.evaluated_on) for run in runs}
    shares_photos = len(photo_sets) == 1
    if not shares_photos and not len(photo_sets) == len(pairs) == len(exports):
        told = "; ".join(f"{run.name!r} answered {run.evaluated_on}" for run in runs)
        raise ConfigError(
            "Runs must have answered all the same photos, or each export's runs photos of their "
            f"own. Received: {told}. {_SAME_PHOTOS}"
        )
    groups = np.array([exports.index(run.trained_on) for run in runs], np.int64)
    design = Design(exports, groups, shares_photos)
    _check_same_photos(runs, design)
    return design


def _check_same_photos(runs: Sequence[EvaluatedRun], design: Design) -> None:
    first: dict[int, EvaluatedRun] = {}
    for run, number in zip(runs, design.sets.tolist(), strict=True):
        other = first.setdefault(number, run)
        if not np.array_equal(run.photos, other.photos):
            raise ConfigError(
                f"{other.name!r} and {run.name!r} should have answered the same photos, but of "
                f"{int((run.photos != other.photos).sum()):,} taxa not as many: "
                f"{other.photos.sum():,} and {run.photos.sum():,} in all. {_SAME_PHOTOS}"
            )
