"""What trainings of the comparison come to: accuracy with its interval, time to a target, dips.

The law: pure functions of results, one a training. Arms are compared on the same seeds and the same
photos, so that what all of them find hard cancels out of a difference.

    final = interval([result["test_hits"] for result in journal])
    gain = difference(hits_of(journal), hits_of(fixed))
    costs = median_costs([stage_costs(run["epochs"]) for run in runs], kinds)
    seconds_to(timed(journal[0], [costs["96 px by 128"], ...])["epochs"], target=0.61)
    dips(journal[0]["epochs"])                            # one a switch of size
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

DRAWS = 4000
"""Of the bootstrap: its own error is then a fortieth of the interval or less."""


class Interval(NamedTuple):
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


class Dip(NamedTuple):
    """What a switch of size cost, both at the size that the stage trains at.

    Attributes:
        from_px, to_px: the sizes.
        lost: top-1 before the switch minus the first after it; below 0: gained.
        regained_epochs: epochs after the switch until top-1 was back; None: not within the run.
    """

    from_px: int
    to_px: int
    lost: float
    regained_epochs: float | None


class Cost(NamedTuple):
    """What a stage takes.

    Attributes:
        start_secs: to begin: tracing, and the first photos.
        photo_secs: for a photo.
    """

    start_secs: float
    photo_secs: float

    def of(self, photos: float) -> float:
        """Returns the seconds that a stage of so many photos takes."""
        return self.start_secs + self.photo_secs * photos


def stage_costs(epochs: Sequence[dict[str, Any]]) -> list[Cost]:
    """Returns what each stage of a training cost: its second epoch, and what the first took more.

    Args:
        epochs: of a training whose stages are two epochs long.
    """
    found = []
    for first, second in zip(epochs[::2], epochs[1::2], strict=True):
        before = epochs[2 * len(found) - 1]["examples_seen"] if found else 0
        photo_secs = second["train_secs"] / (second["examples_seen"] - first["examples_seen"])
        start_secs = first["train_secs"] - photo_secs * (first["examples_seen"] - before)
        found.append(Cost(start_secs, photo_secs))
    return found


def median_costs(runs: Sequence[Sequence[Cost]], kinds: Iterable[str]) -> dict[str, Cost]:
    """Returns the median of each kind of stage over runs that had the stages in one order."""
    return {
        kind: Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))
        for kind, costs in zip(kinds, zip(*runs, strict=True), strict=True)
    }


def timed(result: dict[str, Any], costs: Sequence[Cost]) -> dict[str, Any]:
    """Returns the result of a training with the seconds that its stages cost, an entry a stage."""
    epochs: list[dict[str, Any]] = []
    for epoch in result["epochs"]:
        seen = epochs[-1]["examples_seen"] if epochs else 0
        begins = not epochs or epochs[-1]["stage"] != epoch["stage"]
        cost = costs[epoch["stage"]]
        secs = cost.photo_secs * (epoch["examples_seen"] - seen) + cost.start_secs * begins
        epochs.append(epoch | {"train_secs": secs})
    return result | {"epochs": epochs, "train_secs": sum(e["train_secs"] for e in epochs)}


def interval(hits: Sequence[Sequence[int]]) -> Interval:
    """Returns the accuracy, with a bootstrap interval over seeds and over photos.

    Args:
        hits: 0 or 1, [seeds, photos]; all seeds name the same photos.
    """
    return _bootstrapped(np.asarray(hits, np.float64))


def difference(hits: Sequence[Sequence[int]], baseline_hits: Sequence[Sequence[int]]) -> Interval:
    """Returns accuracy minus the baseline's, paired by seed and by photo.

    Args:
        hits: 0 or 1, [seeds, photos].
        baseline_hits: the same seeds and photos.
    """
    return _bootstrapped(np.asarray(hits, np.float64) - np.asarray(baseline_hits, np.float64))


def _bootstrapped(values: npt.NDArray[np.float64]) -> Interval:
    random = np.random.default_rng(0)
    seeds, photos = values.shape
    means = np.empty(DRAWS)
    for draw in range(DRAWS):
        chosen = values[random.integers(0, seeds, seeds)].mean(axis=0)
        means[draw] = chosen[random.integers(0, photos, photos)].mean()
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(values.mean()), float(low), float(high))


def seconds_to(epochs: Sequence[dict[str, Any]], target: float) -> float | None:
    """Returns training seconds until validation at the full size first showed `target`.

    Args:
        epochs: of one training, with `train_secs` and `full_size_top1`.
        target: top-1, 0..1.
    """
    elapsed_secs = 0.0
    for epoch in epochs:
        elapsed_secs += epoch["train_secs"]
        if epoch["full_size_top1"] >= target:
            return elapsed_secs
    return None


def dips(epochs: Sequence[dict[str, Any]]) -> list[Dip]:
    """Returns what each switch of size cost, in the order of the switches."""
    found = []
    for index in range(1, len(epochs)):
        before, after = epochs[index - 1], epochs[index]
        if before["image_size_px"] == after["image_size_px"]:
            continue
        back = next((e for e in epochs[index:] if e["val_top1"] >= before["val_top1"]), None)
        found.append(
            Dip(
                before["image_size_px"],
                after["image_size_px"],
                before["val_top1"] - after["val_top1"],
                back["epoch"] - before["epoch"] if back else None,
            )
        )
    return found
