from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_history import tiny_stage

from components.progressive_trainer.epochs import ends_epoch
from components.progressive_trainer.forecast import (
    secs_left,
    training_cost,
    validation_cost,
    validations_left,
)
from components.progressive_trainer.pace import WINDOW_SECS, Pace
from components.progressive_trainer.schedule import Stage


@given(
    batch=st.integers(1, 9),
    steps=st.integers(1, 40),
    start=st.integers(0, 50),
    train_photos=st.integers(1, 60),
)
def test_validations_left_are_those_that_the_steps_to_come_end_with(
    batch: int, steps: int, start: int, train_photos: int
) -> None:
    stage = tiny_stage(batch=batch, steps=steps, start=start)
    ends = [start + batch * (step + 1) for step in range(steps)]
    for seen in [start, *ends]:
        due = [e for e in ends if e > seen and ends_epoch(stage, e, num_photos=train_photos)]
        assert validations_left(stage, seen, train_photos=train_photos) == len(due)


def left(plan: list[Stage], stage: Stage, seen: int) -> tuple[float, float]:
    given_left = secs_left(
        plan,
        stage,
        seen,
        train_photos=100,
        val_photos=10,
        unit_secs=1e-3,
        val_unit_secs=1e-2,
        trace_secs=30.0,
    )
    return given_left.stage_secs, given_left.run_secs


def test_photos_of_later_stages_take_longer_by_their_area() -> None:
    small = tiny_stage(0, size=100, steps=10)  # 100 photos: one epoch, one validation
    large = tiny_stage(1, size=200, steps=10, start=100)

    whole, run = left([small, large], small, 0)

    assert whole == pytest.approx(100 * 3e4 * 1e-3 + 10 * 1e4 * 1e-2)
    assert run == pytest.approx(whole * 5 + 30.0)
    assert left([small, large], small, 60)[0] == pytest.approx(40 * 3e4 * 1e-3 + 1000)
    assert left([small, large], large, 200) == (0.0, 0.0)


def test_only_what_learns_has_a_pass_back() -> None:
    head, half, whole = (tiny_stage(trainable=learns) for learns in ("head", "top:0.5", "all"))
    assert training_cost(whole) == 3 * training_cost(head) == 3 * validation_cost(head)
    assert training_cost(half) == 2 * training_cost(head)


def test_time_left_only_falls_as_training_goes_on() -> None:
    plan = [tiny_stage(0, size=64, steps=25), tiny_stage(1, size=96, steps=25, start=250)]
    places = [(plan[0], seen) for seen in range(0, 250, 10)]
    places += [(plan[1], seen) for seen in range(250, 501, 10)]
    times = [left(plan, stage, seen)[1] for stage, seen in places]
    assert all(later < earlier for earlier, later in pairwise(times))


def paced(
    pace: Pace, stage: Stage, *, since: int = 0, until: int, secs: float, waited: float = 0.0
) -> None:
    """Steps of a stage between so many photos seen, at so many seconds a step."""
    now, seen = 1000.0, since
    pace.enter(stage, now)
    while seen < until:
        now, seen = now + secs, seen + stage.global_batch
        pace.step(seen, now, waited_secs=waited)


def test_pace_says_no_more_than_it_knows() -> None:
    stage = tiny_stage()
    pace = Pace(devices=2, train_photos=200, val_photos=10)
    assert pace.details([stage]) == {}

    paced(pace, stage, until=10, secs=30.0)  # the first step, which is traced

    known = {"stage": 1, "stages": 1, "image_size_px": 32, "devices": 2}
    assert pace.details([stage]) == known


def test_pace_is_that_of_the_last_seconds_and_knows_what_a_device_waits() -> None:
    stage = tiny_stage(steps=1000)
    pace = Pace(devices=1, train_photos=20_000, val_photos=10)
    paced(pace, stage, until=100, secs=10.0)
    paced(pace, stage, since=100, until=100 + int(20 * WINDOW_SECS), secs=0.5, waited=0.1)

    details = pace.details([stage])

    assert details["rate"] == pytest.approx(20.0)
    assert details["data_wait_share"] == pytest.approx(0.2)


def test_validation_between_two_steps_does_not_slow_the_pace() -> None:
    stage = tiny_stage()
    pace = Pace(devices=1, train_photos=100, val_photos=10)
    paced(pace, stage, until=50, secs=1.0)
    pace.validated(stage, 40.0)  # traced
    pace.validated(stage, 7.0)
    pace.enter(stage, 5000.0)
    pace.step(60, 5001.0, waited_secs=0.0)

    details = pace.details([stage])

    assert details["rate"] == pytest.approx(10.0)
    # 140 photos at 10 a second, and two validations as long as the last.
    assert details["stage_secs_left"] == pytest.approx(14.0 + 2 * 7.0)


def test_stage_that_has_just_begun_is_foretold_from_the_one_before() -> None:
    small = tiny_stage(0, size=50, steps=10)
    large = tiny_stage(1, size=100, steps=10, start=100)
    pace = Pace(devices=1, train_photos=100, val_photos=10)
    paced(pace, small, until=100, secs=1.0)
    pace.validated(small, 40.0)  # traced
    pace.enter(large, 2000.0)
    pace.step(110, 2060.0, waited_secs=0.0)

    details = pace.details([small, large])

    assert "rate" not in details
    # A photo took 0.1 s, a third of it for the pass forth; a large one has four times the area.
    assert details["run_secs_left"] == pytest.approx(90 * 0.1 * 4 + 10 * 0.1 / 3 * 4)
