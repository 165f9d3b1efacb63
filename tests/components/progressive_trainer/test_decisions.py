"""The schedule after decisions: stages that move along, a rate that does not jump."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.progressive_trainer.config import ScheduleSettings
from components.progressive_trainer.decisions import Decision
from components.progressive_trainer.progress_clock import progress
from components.progressive_trainer.schedule import Stage, learning_rate, stages
from schemas.errors import FieldmarkError
from schemas.settings import load_settings

PHOTOS = 200


def schedule(*stages: tuple[int, float], **values: Any) -> ScheduleSettings:
    written = [
        {"image_size_px": 64, "global_batch": batch, "epochs": epochs, "learning_rate": 0.1}
        for batch, epochs in stages
    ]
    return load_settings(ScheduleSettings, {"stages": written, **values}, source="schedule")


@st.composite
def runs_with_decisions(draw: st.DrawFn) -> tuple[ScheduleSettings, list[Decision]]:
    """A run in which some stages ended early, some went on, some went on twice."""
    parts = draw(
        st.lists(st.tuples(st.integers(1, 20), st.floats(1.0, 5.0)), min_size=1, max_size=5)
    )
    floor = draw(st.sampled_from([0.01, 0.3]))
    settings = schedule(*parts, final_rate_share=floor, warmup_epochs=0.0)
    decisions: list[Decision] = []
    for index in range(len(parts)):
        for _ in range(draw(st.integers(0, 2))):
            stage = stages(settings, num_photos=PHOTOS, decisions=decisions)[index]
            earliest = max([stage.start_examples, *(each.at_examples for each in decisions)])
            first = (earliest - stage.start_examples) // stage.global_batch + 1
            if first >= stage.steps:
                break
            done = draw(st.integers(first, stage.steps - 1))
            more = draw(st.integers(1, 3 * stage.steps))  # later or earlier than it was
            at = stage.start_examples + done * stage.global_batch
            end = at + more * stage.global_batch
            decisions.append(
                Decision("end_examples", index, at, stage.end_examples, end, "for a test")
            )
    return settings, decisions


def planned(settings: ScheduleSettings, decisions: list[Decision]) -> tuple[Stage, ...]:
    return stages(settings, num_photos=PHOTOS, decisions=decisions)


@given(run=runs_with_decisions())
def test_other_stages_keep_their_steps_and_start_where_the_one_before_ends(
    run: tuple[ScheduleSettings, list[Decision]],
) -> None:
    settings, decisions = run
    plan, before = planned(settings, decisions), planned(settings, [])
    ends = {decision.stage: decision.after for decision in decisions}

    assert plan[0].start_examples == 0
    for earlier, later in pairwise(plan):
        assert later.start_examples == earlier.end_examples
    for stage, old in zip(plan, before, strict=True):
        moved = {"start_examples": stage.start_examples, "steps": stage.steps}
        assert stage == replace(old, **moved)
        if stage.index in ends:
            assert stage.end_examples == ends[stage.index]
        else:
            assert stage.steps == old.steps


@given(run=runs_with_decisions(), data=st.data())
def test_progress_is_the_same_before_and_after_a_decision_and_ends_at_one(
    run: tuple[ScheduleSettings, list[Decision]], data: st.DataObject
) -> None:
    settings, decisions = run
    total = planned(settings, decisions)[-1].end_examples
    for count, decision in enumerate(decisions):
        old_total = planned(settings, decisions[:count])[-1].end_examples
        new_total = planned(settings, decisions[: count + 1])[-1].end_examples
        at = data.draw(st.integers(0, decision.at_examples))
        assert progress(at, new_total, decisions[: count + 1]) == pytest.approx(
            progress(at, old_total, decisions[:count]), abs=1e-12
        )
    values = [progress(seen, total, decisions) for seen in range(0, total + 1, 7)]
    assert values == sorted(values)
    assert values[0] == 0.0
    assert progress(total, total, decisions) == pytest.approx(1.0)


@given(run=runs_with_decisions())
def test_rate_does_not_jump_at_a_decision_and_ends_at_its_floor(
    run: tuple[ScheduleSettings, list[Decision]],
) -> None:
    settings, decisions = run
    plan = planned(settings, decisions)

    def rate(seen: int) -> float:
        return learning_rate(
            plan, settings, num_photos=PHOTOS, examples_seen=seen, decisions=decisions
        )

    floor = settings.final_rate_share * 0.1
    assert rate(plan[-1].end_examples) == pytest.approx(floor)
    for count, decision in enumerate(decisions):
        at = decision.at_examples
        before = planned(settings, decisions[:count])[-1].end_examples - at
        after = planned(settings, decisions[: count + 1])[-1].end_examples - at
        steepest = 0.1 * math.pi / 2  # of the cosine, and no photo is more than 1 of those left
        assert abs(rate(at) - rate(at - 1)) <= steepest / (before + 1) + 1e-12
        assert abs(rate(at + 1) - rate(at)) <= steepest / after + 1e-12


@given(run=runs_with_decisions(), data=st.data())
def test_rate_without_decisions_is_the_cosine_of_the_photos_seen(
    run: tuple[ScheduleSettings, list[Decision]], data: st.DataObject
) -> None:
    settings, _ = run
    total = planned(settings, [])[-1].end_examples
    seen = data.draw(st.integers(0, total))
    assert progress(seen, total) == seen / total


def test_decision_of_another_run_is_refused() -> None:
    foreign = Decision("end_examples", 0, 100, 300, 200, "stage 1 ends after 1.0 of 1.5 epochs")
    with pytest.raises(FieldmarkError) as caught:
        planned(schedule((10, 2.0)), [foreign])
    assert str(caught.value) == (
        "The decision 'stage 1 ends after 1.0 of 1.5 epochs' moves the end of stage 1 from photo "
        "300, where this schedule has no such end. It belongs to a run with other settings: delete "
        "its checkpoints to train from the start."
    )
