"""The parts that the spread of one figure over all photos is made of.

A training's figure is off by chance in training, by which photos were there to train on, and by
which photos were asked. The first is what trainings on one export differ by; the last is known
(`photo_noise`); what exports differ by beyond both is the second. Where no export has two
trainings, the first two cannot be told apart.

    spread = figure_spread("top-1", values, design, photo_noise=3.1e-5)
    spread.training, spread.sampling       # each a Component, or None
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.variance.design import Design
from pipeline.variance.nested_anova import Interval, mean_square_interval, nested_anova


@dataclass(frozen=True)
class Component:
    """A part of the variance of one training's figure.

    Attributes:
        raw: the estimate, which may be below 0.
        interval: of 95 %; None where the part is known, or there is none to be had.
        degrees: of freedom of the estimate; 0 where the part is known.
    """

    raw: float
    interval: Interval | None = None
    degrees: int = 0

    @property
    def variance(self) -> float:
        """The estimate, 0 or more."""
        return max(self.raw, 0.0)


@dataclass(frozen=True)
class FigureSpread:
    """The spread of a figure over R runs. A part that the runs cannot tell is None.

    Attributes:
        name: of the figure.
        values: of each run, 0..1.
        training: chance in training (same export, other seed).
        photos: noise of the photos asked; None where all runs were asked the same.
        sampling: which photos were there to train on.
        sampling_and_training: both in one, where only that can be told.
    """

    name: str
    values: tuple[float, ...]
    training: Component | None
    photos: Component | None
    sampling: Component | None
    sampling_and_training: Component | None

    @property
    def mean(self) -> float:
        """Of the runs."""
        return float(np.mean(self.values))

    @property
    def deviation(self) -> float:
        """Standard deviation of the runs as they are."""
        return float(np.std(self.values, ddof=1))

    @property
    def parts(self) -> dict[str, Component]:
        """The parts that can be told, by name."""
        named = {
            "training": self.training,
            "evaluation_photos": self.photos,
            "sampling": self.sampling,
            "sampling_and_training": self.sampling_and_training,
        }
        return {name: part for name, part in named.items() if part is not None}

    @property
    def total(self) -> float:
        """Variance of a single training's figure: the sum of the parts."""
        return sum(part.variance for part in self.parts.values())


def figure_spread(
    name: str, values: Sequence[float], design: Design, *, photo_noise: float
) -> FigureSpread:
    """Returns the parts of a spread.

    Args:
        name: of the figure.
        values: of each run.
        design: of the runs.
        photo_noise: variance that the photos asked give, of one set.
    """
    found = nested_anova(np.array(values, np.float64), design.groups)
    several = found.between_degrees > 0
    photos = Component(photo_noise) if several and not design.shares_photos else None
    known = photos.raw if photos is not None else 0.0
    training = sampling = together = None
    if found.within_degrees:
        training = Component(float(found.within), found.within_interval(), found.within_degrees)
        if several:
            sampling = _less(float(found.between), found.between_interval(), known, found.groups)
    else:
        square = float(found.mean_square_between)
        interval = mean_square_interval(square, found.between_degrees)
        together = _less(square, interval, known, found.groups)
    return FigureSpread(name, tuple(values), training, photos, sampling, together)


def _less(raw: float, interval: Interval | None, known: float, groups: int) -> Component:
    if interval is not None:
        interval = Interval(max(interval.low - known, 0.0), max(interval.high - known, 0.0))
    return Component(raw - known, interval, groups - 1)
