"""The largest batch that fits and is worth it, found by trying.

The law: the batch returned was tried and fits, is a multiple of what was asked, and no larger than
allowed. It is doubled while it fits and photos a second rise; where the next did not fit, the gap
is halved until it is an eighth of the batch.

    found = find_batch(try_batch, multiple=8, most=1024, min_speedup=0.05)
    found.batch, found.reason
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from schemas.errors import FieldmarkError

CLOSE_ENOUGH = 8
"""A gap of one part in so many is not narrowed further: a trial costs several steps."""


@dataclass(frozen=True)
class Trial:
    """What came of a step.

    Attributes:
        batch: photos of the step.
        fits: whether the memory holds it.
        photos_per_sec: its speed; 0 where it does not fit.
        memory: in words, what it took or would have taken.
    """

    batch: int
    fits: bool
    photos_per_sec: float
    memory: str


@dataclass(frozen=True)
class Found:
    """The result of a search: the batch, and why it is not larger, in words."""

    batch: int
    reason: str


def find_batch(
    try_batch: Callable[[int], Trial], *, multiple: int, most: int, min_speedup: float
) -> Found:
    """Returns the batch.

    Args:
        try_batch: takes steps with a batch; called with rising batches while they fit.
        multiple: the batch is a multiple of it, in photos.
        most: the largest batch allowed.
        min_speedup: share by which a doubling must raise photos a second; 0: whatever it does.

    Raises:
        FieldmarkError: if the smallest batch does not fit.
    """
    best = try_batch(multiple)
    if not best.fits:
        raise FieldmarkError(
            f"The memory does not hold a training step over {multiple} photos ({best.memory}). "
            "Lower trainer.batch_auto.multiple, the image size, or take a smaller network."
        )
    beyond = most - most % multiple + multiple  # the first that is not allowed
    reason = f"{most} is the most allowed"
    while 2 * best.batch < beyond:
        trial = try_batch(2 * best.batch)
        if not trial.fits:
            beyond, reason = trial.batch, _too_large(trial)
            break
        if min_speedup > 0 and trial.photos_per_sec < best.photos_per_sec * (1 + min_speedup):
            return Found(best.batch, _no_faster(best, trial))
        best = trial
    while beyond - best.batch > max(multiple, best.batch // CLOSE_ENOUGH):
        middle = (best.batch + beyond) // 2 // multiple * multiple
        trial = try_batch(middle)
        if trial.fits:
            best = trial
        else:
            beyond, reason = middle, _too_large(trial)
    return Found(best.batch, reason)


def _too_large(trial: Trial) -> str:
    return f"{trial.batch} do not fit ({trial.memory})"


def _no_faster(best: Trial, trial: Trial) -> str:
    change = trial.photos_per_sec / best.photos_per_sec - 1
    return (
        f"{trial.batch} would fit, but give {change:+.0%} photos a second "
        f"({best.photos_per_sec:,.0f} with {best.batch})"
    )
