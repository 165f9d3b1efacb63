"""Whether a stage ends early, or goes on beyond its plan: the rule.

The law: `judge` is a pure function of settings, plan and history; it never moves the end of a stage
out of its bounds (but for the batch that `schedule.to_cross_epoch` asks for), and leaves the plan
alone unless the gain of val top-1 speaks against it by more than its standard error.

    verdict = judge(settings.adaptive, plan, history, planned_steps=[130, 130, 260],
                    num_photos=1700, num_val_photos=400)
    verdict.end_examples, verdict.reason

It is the marginal value theorem (Charnov 1976): stay with what you have until it yields less a
second than what comes next can be expected to yield. The gain of a stage is the slope of its last
validations (least squares); the next stage is expected to yield per epoch what this one did on
average since it began, at the price of its larger photos.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from components.progressive_trainer.adaptive_settings import AdaptiveSettings
from components.progressive_trainer.forecast import training_cost
from components.progressive_trainer.schedule import Stage, to_cross_epoch


@dataclass(frozen=True)
class Verdict:
    """Where a stage ends from now on, and why.

    Attributes:
        end_examples: photos of the run seen by then.
        reason: in words, without the name of the stage.
    """

    end_examples: int
    reason: str


@dataclass(frozen=True)
class Gain:
    """What a stage gains.

    Attributes:
        per_epoch: val top-1 an epoch, over the last validations.
        error: standard error of `per_epoch`.
        average: val top-1 an epoch since the stage began.
        secs: seconds an epoch.
    """

    per_epoch: float
    error: float
    average: float
    secs: float


def judge(
    settings: AdaptiveSettings,
    plan: Sequence[Stage],
    history: Sequence[Mapping[str, Any]],
    *,
    planned_steps: Sequence[int],
    num_photos: int,
    num_val_photos: int,
) -> Verdict:
    """Returns where the stage of the last validation ends.

    A stage that another follows ends with the validation that shows it does not pay, and goes on
    for an epoch at its planned end. The last stage is judged an epoch ahead of its end: the rate
    must have photos left to fall over.

    Args:
        settings: the bounds, and how sure to be.
        plan: the stages as they stand.
        history: an entry a validation, the last one just made: `stage`, `examples_seen`,
            `val_top1` and `photos_per_sec`.
        planned_steps: of each stage, before any decision.
        num_photos: training photos, an epoch.
        num_val_photos: val photos, which the standard error follows from.
    """
    seen, stage = int(history[-1]["examples_seen"]), plan[int(history[-1]["stage"])]
    done = (seen - stage.start_examples) // stage.global_batch
    gain = measured_gain(
        history, window=settings.window_epochs, num_photos=num_photos, num_val=num_val_photos
    )
    if gain is None or done < math.ceil(settings.shortest_share * planned_steps[stage.index]):
        return Verdict(stage.end_examples, "too early to tell")
    asked, asked_in_words = _asked(settings, gain, plan, stage, history, num_photos)
    doubt = settings.standard_errors * gain.error
    steps = _steps(
        stage,
        done=done,
        epoch=max(1, round(num_photos / stage.global_batch)),
        most=math.floor(settings.longest_share * planned_steps[stage.index]),
        is_last=stage.index == len(plan) - 1,
        pays_not=gain.per_epoch + doubt < asked,
        pays=gain.per_epoch - doubt > asked,
    )
    end = stage.start_examples + steps * stage.global_batch
    if steps > stage.steps and stage.index < len(plan) - 1:
        end += stage.global_batch * to_cross_epoch(end, stage.global_batch, num_photos=num_photos)
    return Verdict(
        end,
        f"{_in_words(gain, settings)}; {asked_in_words}",
    )


def _steps(
    stage: Stage, *, done: int, epoch: int, most: int, is_last: bool, pays_not: bool, pays: bool
) -> int:
    """The steps that the stage gets: `epoch` is one in steps, `most` what the bounds allow."""
    left = stage.steps - done
    if left > (1.5 * epoch if is_last else 0):
        return (done + (epoch if is_last else 0)) if pays_not else stage.steps
    more = min(epoch, most - stage.steps)
    # Less than half an epoch more would be validated for next to nothing.
    goes_on = pays and more >= epoch / 2 and not (is_last and left == 0)
    return stage.steps + more if goes_on else stage.steps


def measured_gain(
    history: Sequence[Mapping[str, Any]], *, window: int, num_photos: int, num_val: int
) -> Gain | None:
    """Returns what the stage of the last entry gains; None if it has fewer than `window` entries.

    The average counts from the last validation of the stage before, so that what the switch itself
    gave or cost is part of it; in the first stage from its own first, after the climb from chance.
    """
    own = [row for row in history if row["stage"] == history[-1]["stage"]]
    if len(own) < window:
        return None
    before = [row for row in history if row["stage"] < history[-1]["stage"]]
    last = own[-window:]
    epochs = [row["examples_seen"] / num_photos for row in last]
    middle, mean = fmean(epochs), fmean(row["val_top1"] for row in last)
    spread = sum((epoch - middle) ** 2 for epoch in epochs)
    weights = [(epoch - middle) / spread for epoch in epochs]
    slope = sum(w * row["val_top1"] for w, row in zip(weights, last, strict=True))
    variances = [_variance(row["val_top1"], num_val) for row in last]
    error = math.sqrt(sum(w * w * v for w, v in zip(weights, variances, strict=True)))
    start = before[-1] if before else own[0]
    now = mean + slope * (epochs[-1] - middle)
    average = (now - start["val_top1"]) / (epochs[-1] - start["examples_seen"] / num_photos)
    return Gain(slope, error, average, num_photos / median(row["photos_per_sec"] for row in last))


def expected_secs(
    plan: Sequence[Stage], stage: Stage, secs: float, history: Sequence[Mapping[str, Any]]
) -> float:
    """Returns the seconds that a photo of the stage after `stage` is expected to take.

    In proportion to the pixels (and to the passes through the backbone); once two stages are
    measured, by the line through both, for part of the time does not grow with the photo.

    Args:
        plan: the stages.
        stage: the one that was measured, not the last.
        secs: seconds that one of its photos takes.
        history: of the run, for the stage before.
    """
    cost, next_cost = training_cost(stage), training_cost(plan[stage.index + 1])
    before = [row["photos_per_sec"] for row in history if row["stage"] == stage.index - 1]
    if before:
        dearer = cost - training_cost(plan[stage.index - 1])
        slope = (secs - 1 / median(before)) / (dearer or math.inf)
        if 0 < slope * cost < secs:
            return secs + slope * (next_cost - cost)
    return secs * next_cost / cost


def _asked(
    settings: AdaptiveSettings,
    gain: Gain,
    plan: Sequence[Stage],
    stage: Stage,
    history: Sequence[Mapping[str, Any]],
    num_photos: int,
) -> tuple[float, str]:
    """The gain per epoch that pays, and where it comes from."""
    least = settings.min_gain_per_epoch
    floor = f"at least {_points(least)} an epoch are asked for"
    if stage.index == len(plan) - 1:
        return least, floor
    photo_secs = expected_secs(plan, stage, gain.secs / num_photos, history)
    secs = photo_secs * num_photos
    asked = gain.average * gain.secs / secs
    if asked < least:
        return least, floor
    rate = 60 * gain.average / secs
    size = plan[stage.index + 1].image_size_px
    return asked, (
        f"{size} px can be expected to gain {_points(rate)} a minute "
        f"({_points(gain.average)} an epoch of {secs:,.0f} s)"
    )


def _in_words(gain: Gain, settings: AdaptiveSettings) -> str:
    return (
        f"the last {settings.window_epochs} validations show {_points(gain.per_epoch, '+')} an "
        f"epoch (standard error {100 * gain.error:.2g}) of {gain.secs:,.0f} s, "
        f"{_points(60 * gain.per_epoch / gain.secs, '+')} a minute"
    )


def _points(share: float, sign: str = "") -> str:
    value = 100 * share
    digits = f"{value:{sign},.0f}" if abs(value) >= 10 else f"{value:{sign}.2g}"
    return f"{digits} points"


def _variance(share: float, count: int) -> float:
    """Of a share of `count` photos that are right: binomial; never 0 (Laplace's rule)."""
    expected = (share * count + 1) / (count + 2)
    return expected * (1 - expected) / count
