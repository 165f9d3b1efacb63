"""The rule of stages that end early or go on."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.progressive_trainer.adaptive import Verdict, expected_secs, judge, measured_gain
from components.progressive_trainer.adaptive_settings import AdaptiveSettings
from components.progressive_trainer.schedule import Stage
from schemas.settings import load_settings

EPOCH = 100


def two_stages(*epochs: int, sizes: tuple[int, ...] = (100, 200)) -> list[Stage]:
    plan: list[Stage] = []
    for index, count in enumerate(epochs):
        start = plan[-1].end_examples if plan else 0
        plan.append(Stage(index, sizes[index], 10, count * 10, start, 0.1, 0.0, 0.0, 0.0))
    return plan


def rows(plan: list[Stage], *accuracies: float, secs: float = 1.0) -> list[dict[str, Any]]:
    """A validation an epoch; a photo of the first stage takes secs / 100."""
    history = []
    for number, accuracy in enumerate(accuracies, 1):
        stage = next(stage for stage in plan if number * EPOCH <= stage.end_examples)
        scale = (stage.image_size_px / plan[0].image_size_px) ** 2
        history.append(
            {
                "stage": stage.index,
                "examples_seen": number * EPOCH,
                "val_top1": accuracy,
                "photos_per_sec": EPOCH / (secs * scale),
            }
        )
    return history


def verdict(
    plan: list[Stage],
    history: list[dict[str, Any]],
    *,
    val: int = 10_000,
    planned: list[int] | None = None,
    **settings: Any,
) -> Verdict:
    return judge(
        load_settings(AdaptiveSettings, settings, source="adaptive"),
        plan,
        history,
        planned_steps=planned or [stage.steps for stage in plan],
        num_photos=EPOCH,
        num_val_photos=val,
    )


def test_stage_ends_when_a_second_of_it_gains_less_than_one_of_the_next_should() -> None:
    plan = two_stages(8, 4)
    history = rows(plan, 0.20, 0.40, 0.50, 0.51, 0.515, secs=3.0)

    ended = verdict(plan, history)

    assert ended.end_examples == 500
    assert ended.reason == (
        "the last 3 validations show +0.75 points an epoch (standard error 0.35) of 3 s, "
        "+15 points a minute; 200 px can be expected to gain 39 points a minute "
        "(7.9 points an epoch of 12 s)"
    )


def test_stage_that_gains_more_a_second_than_the_next_should_stays() -> None:
    plan = two_stages(8, 4)
    # 3.5 points an epoch now, 7 on average: at four times the price the next should gain less.
    history = rows(plan, 0.30, 0.41, 0.45, 0.48, 0.52)

    assert verdict(plan, history).end_examples == 800


def test_stage_goes_on_an_epoch_at_a_time_within_its_bound_while_it_pays() -> None:
    plan = two_stages(4, 4)
    history = rows(plan, 0.1, 0.2, 0.3, 0.4)
    assert verdict(plan, history).end_examples == 500
    # Already gone on to its bound.
    longer = two_stages(6, 4)
    history = rows(longer, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    assert verdict(longer, history, planned=[40, 40]).end_examples == 600


def test_stage_that_goes_on_ends_after_the_end_of_an_epoch_and_not_just_before_it() -> None:
    first = Stage(0, 100, 7, 43, 0, 0.1, 0.0, 0.0, 0.0)  # 301 photos; an epoch is 14 batches and 2
    plan = [first, Stage(1, 200, 7, 43, 301, 0.1, 0.0, 0.0, 0.0)]
    history = [
        {"stage": 0, "examples_seen": seen, "val_top1": top1, "photos_per_sec": 100.0}
        for seen, top1 in ((105, 0.1), (203, 0.4), (301, 0.7))
    ]

    assert verdict(plan, history).end_examples == 406  # 399 would be an epoch but for a photo


def test_plan_holds_where_the_gain_is_within_its_error() -> None:
    plan = two_stages(8, 4)
    history = rows(plan, 0.20, 0.40, 0.50, 0.51, 0.515)
    # 100 photos: the standard error of the slope is 3.5 points, more than what is missing.
    assert verdict(plan, history, val=100).end_examples == 800
    assert verdict(plan, history, val=100, standard_errors=0.2).end_examples == 500


def test_last_stage_is_asked_for_the_least_gain_and_keeps_an_epoch_to_cool_down_in() -> None:
    plan = two_stages(2, 8)
    flat = rows(plan, 0.3, 0.4, 0.6, 0.7, 0.7, 0.7)
    ended = verdict(plan, flat, val=10**6, min_gain_per_epoch=0.003)
    assert ended.end_examples == 700
    assert ended.reason.endswith("; at least 0.3 points an epoch are asked for")


def test_last_stage_that_pays_goes_on_an_epoch_ahead_of_its_end() -> None:
    plan = two_stages(2, 4)
    rising = rows(plan, 0.1, 0.2, 0.3, 0.4, 0.5)
    assert verdict(plan, rising).end_examples == 700
    at_end = rows(plan, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    assert verdict(plan, at_end).end_examples == 600


def test_gain_of_a_later_stage_counts_from_the_end_of_the_one_before() -> None:
    plan = two_stages(2, 8)
    gain = measured_gain(
        rows(plan, 0.3, 0.4, 0.6, 0.7, 0.8), window=3, num_photos=EPOCH, num_val=400
    )
    assert gain is not None
    assert gain.per_epoch == pytest.approx(0.1)
    assert gain.average == pytest.approx((0.8 - 0.4) / 3)
    # The variance of each value is that of a share; its photos are taken as drawn anew each time.
    laplace = [(share * 400 + 1) / 402 for share in (0.6, 0.8)]
    expected = math.sqrt(sum(share * (1 - share) / 400 for share in laplace)) / 2
    assert gain.error == pytest.approx(expected)


def test_seconds_of_the_next_stage_follow_the_pixels_or_the_line_through_two_stages() -> None:
    plan = two_stages(2, 2, 2, sizes=(100, 200, 300))
    assert expected_secs(plan, plan[0], 0.01, []) == pytest.approx(0.04)
    # 10 ms, then 25 ms: 5 ms whatever the size, and 5 ms a 100 px squared.
    history = [{"stage": 0, "photos_per_sec": 100.0}]
    assert expected_secs(plan, plan[1], 0.025, history) == pytest.approx(0.05)
    # A first stage slower than the second (its photos were read from a cold disk) says nothing.
    history = [{"stage": 0, "photos_per_sec": 20.0}]
    assert expected_secs(plan, plan[1], 0.025, history) == pytest.approx(0.025 * 9 / 4)


curves = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(
    curve=curves,
    first=st.integers(1, 8),
    second=st.integers(1, 8),
    val=st.integers(1, 10**6),
    shortest=st.floats(0.1, 1),
    longest=st.floats(1, 3),
    window=st.integers(2, 5),
    sure=st.floats(0, 3),
    secs=st.floats(0.001, 1000),
)
def test_bounds_hold_and_time_is_only_compared(
    curve: list[float],
    first: int,
    second: int,
    val: int,
    shortest: float,
    longest: float,
    window: int,
    sure: float,
    secs: float,
) -> None:
    plan = two_stages(first, second)
    history = rows(plan, *curve[: first + second], secs=secs)
    settings = {
        "shortest_share": shortest,
        "longest_share": longest,
        "window_epochs": window,
        "standard_errors": sure,
    }

    end = verdict(plan, history, val=val, **settings).end_examples

    stage, seen = plan[history[-1]["stage"]], history[-1]["examples_seen"]
    steps = (end - stage.start_examples) / stage.global_batch
    assert steps == round(steps)
    assert end >= seen
    assert steps >= min(shortest * stage.steps, stage.steps)
    assert steps <= longest * stage.steps
    if len([row for row in history if row["stage"] == stage.index]) < window:
        assert end == stage.end_examples
    # A machine of another speed decides the same.
    slower = [{**row, "photos_per_sec": row["photos_per_sec"] / 8} for row in history]
    assert verdict(plan, slower, val=val, **settings).end_examples == end


@given(curve=st.lists(st.floats(0, 1), min_size=4, max_size=7), better=st.floats(0, 0.5))
def test_stage_with_bounds_at_its_plan_is_never_moved(curve: list[float], better: float) -> None:
    plan = two_stages(8, 4)
    history = rows(plan, *curve, min(1.0, curve[-1] + better))
    kept = verdict(plan, history, shortest_share=1.0, longest_share=1.0, standard_errors=0.0)
    assert kept.end_examples == plan[history[-1]["stage"]].end_examples
