from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.progressive_trainer.config import ScheduleSettings, TrainerSettings
from components.progressive_trainer.loop import ends_epoch
from components.progressive_trainer.schedule import (
    Stage,
    largest_image_size_px,
    learning_rate,
    smallest_image_size_px,
    stage_at,
    stages,
    written_stages,
)
from pipeline.config import load_config
from schemas.errors import ConfigError
from schemas.settings import load_settings


def schedule(**values: Any) -> ScheduleSettings:
    return load_settings(ScheduleSettings, values, source="schedule")


def written(*parts: tuple[int, float], rate: float = 0.1) -> list[dict[str, Any]]:
    return [
        {"image_size_px": 64, "global_batch": batch, "epochs": epochs, "learning_rate": rate}
        for batch, epochs in parts
    ]


@st.composite
def written_schedules(draw: st.DrawFn, *, least: float = 0.5) -> tuple[ScheduleSettings, int]:
    epochs = st.floats(least, 5)
    parts = draw(st.lists(st.tuples(st.integers(1, 64), epochs), min_size=1, max_size=6))
    num_photos = draw(st.integers(130, 5000))
    settings = schedule(
        stages=written(*parts),
        warmup_epochs=draw(st.sampled_from([0.0, 0.5, 1.0])),
        final_rate_share=draw(st.sampled_from([0.01, 0.5, 1.0])),
    )
    return settings, num_photos


@given(case=written_schedules())
def test_each_stage_starts_where_the_one_before_ended(case: tuple[ScheduleSettings, int]) -> None:
    settings, num_photos = case
    plan = stages(settings, num_photos=num_photos)

    assert plan[0].start_examples == 0
    for before, after in pairwise(plan):
        assert after.start_examples == before.end_examples
    assert [stage.index for stage in plan] == list(range(len(plan)))


@given(case=written_schedules())
def test_each_stage_ends_within_half_a_batch_of_its_epochs_or_crosses_the_end_of_one(
    case: tuple[ScheduleSettings, int],
) -> None:
    settings, num_photos = case
    plan = stages(settings, num_photos=num_photos)

    assert settings.stages is not None
    epochs = 0.0
    for stage, asked in zip(plan, settings.stages, strict=True):
        epochs += asked.epochs
        after = stage.end_examples - epochs * num_photos
        if stage.end_examples % num_photos < stage.global_batch and stage != plan[-1]:
            assert -stage.global_batch / 2 - 1e-6 <= after <= 1.5 * stage.global_batch + 1e-6
        else:
            assert abs(after) <= stage.global_batch / 2 + 1e-6
        assert stage.steps >= 1


@given(case=written_schedules(least=1.5))
def test_no_stage_that_another_follows_ends_less_than_a_batch_short_of_an_epoch(
    case: tuple[ScheduleSettings, int],
) -> None:
    settings, num_photos = case
    for stage in stages(settings, num_photos=num_photos)[:-1]:
        missing = -stage.end_examples % num_photos
        assert missing == 0 or missing >= stage.global_batch


def test_stage_of_thirty_million_photos_leaves_none_of_an_epoch_to_the_next() -> None:
    photos = 30_000_000
    full = load_config("full").trainer.schedule
    plan = stages(full, num_photos=photos)

    assert plan[0].steps == 146_485  # and not the 146,484 that end 384 photos before
    for stage in plan[:-1]:
        assert stage.end_examples % photos < stage.global_batch


def test_last_stage_begins_no_epoch_to_cross_the_end_of_one() -> None:
    plan = stages(schedule(stages=written((6, 2.0), (5, 2.0))), num_photos=100)

    assert [stage.end_examples for stage in plan] == [204, 399]


def test_stage_crosses_no_end_of_an_epoch_where_the_next_would_be_left_without_a_step() -> None:
    plan = stages(schedule(stages=written((1, 1.5), (52, 0.5), (52, 0.5))), num_photos=130)

    assert [stage.end_examples for stage in plan] == [195, 247, 351]


def test_batch_of_more_than_an_epoch_crosses_one_anyway() -> None:
    plan = stages(schedule(stages=written((64, 8.0), (64, 8.0))), num_photos=10)

    assert [stage.steps for stage in plan] == [1, 2]


@given(case=written_schedules(), data=st.data())
def test_every_photo_of_the_run_is_in_the_one_stage_that_holds_it(
    case: tuple[ScheduleSettings, int], data: st.DataObject
) -> None:
    settings, num_photos = case
    plan = stages(settings, num_photos=num_photos)
    photo = data.draw(st.integers(0, plan[-1].end_examples - 1))

    stage = stage_at(plan, photo)

    assert stage.start_examples <= photo < stage.end_examples


@given(case=written_schedules(), data=st.data())
def test_rate_stays_between_zero_and_its_peak(
    case: tuple[ScheduleSettings, int], data: st.DataObject
) -> None:
    settings, num_photos = case
    plan = stages(settings, num_photos=num_photos)
    seen = data.draw(st.integers(0, plan[-1].end_examples - 1))

    rate = learning_rate(plan, settings, num_photos=num_photos, examples_seen=seen)

    assert 0 < rate <= stage_at(plan, seen).peak_learning_rate * (1 + 1e-12)


def rates(settings: ScheduleSettings, num_photos: int) -> list[float]:
    plan = stages(settings, num_photos=num_photos)
    return [
        learning_rate(plan, settings, num_photos=num_photos, examples_seen=seen)
        for stage in plan
        for seen in range(stage.start_examples, stage.end_examples, stage.global_batch)
    ]


def test_rate_rises_linearly_through_warm_up_then_only_falls() -> None:
    settings = schedule(stages=written((10, 4.0)), warmup_epochs=1.0, final_rate_share=1.0)

    assert rates(settings, 100) == pytest.approx([0.1 * min(1, step / 10) for step in range(1, 41)])


def test_rate_follows_the_cosine_of_photos_seen() -> None:
    settings = schedule(stages=written((10, 4.0)), warmup_epochs=0.0, final_rate_share=0.2)

    values = rates(settings, 100)

    expected = [0.1 * (0.2 + 0.8 * (1 + math.cos(math.pi * step / 40)) / 2) for step in range(40)]
    assert values == pytest.approx(expected)
    assert values == sorted(values, reverse=True)


def test_rate_at_the_end_of_the_run_is_the_final_share_of_the_peak() -> None:
    settings = schedule(stages=written((10, 1.0), (5, 1.0)), final_rate_share=0.03)
    plan = stages(settings, num_photos=100)

    rate = learning_rate(plan, settings, num_photos=100, examples_seen=plan[-1].end_examples)

    assert rate == pytest.approx(0.1 * 0.03)


def test_rate_takes_each_stages_own_peak() -> None:
    both = written((10, 1.0), rate=0.1) + written((10, 1.0), rate=0.4)
    settings = schedule(stages=both, warmup_epochs=0.0, final_rate_share=1.0)

    assert rates(settings, 100) == pytest.approx([0.1] * 10 + [0.4] * 10)


def test_too_short_stage_is_refused_with_what_to_change() -> None:
    settings = schedule(stages=written((64, 1.0), (64, 0.01)))

    with pytest.raises(ConfigError) as caught:
        stages(settings, num_photos=1000)

    assert str(caught.value) == (
        "schedule stage 2: 0.01 epochs of 1,000 photos are less than one step at a global batch "
        "of 64. Lower the batch or raise the epochs."
    )


def test_linear_ends_are_the_first_and_the_last_stage() -> None:
    settings = schedule(
        linear={
            "stages": 3,
            "image_size_px": [96, 192],
            "size_multiple_px": 1,
            "global_batch": [64, 16],
            "batch_multiple": 1,
            "epochs": [2.0, 4.0],
            "learning_rate": 0.1,
            "learning_rate_batch": 64,
            "dropout": [0.1, 0.3],
            "augment": [0.2, 0.8],
        }
    )
    plan = stages(settings, num_photos=640)

    assert [stage.image_size_px for stage in plan] == [96, 144, 192]
    assert [stage.global_batch for stage in plan] == [64, 32, 16]
    assert [stage.steps for stage in plan] == [20, 60, 160]
    assert [stage.dropout for stage in plan] == pytest.approx([0.1, 0.2, 0.3])
    assert [stage.augment for stage in plan] == pytest.approx([0.2, 0.5, 0.8])
    assert [stage.peak_learning_rate for stage in plan] == pytest.approx(
        [0.1, 0.1 * math.sqrt(0.5), 0.05]
    )


@pytest.mark.parametrize(("scaling", "factor"), [("linear", 0.25), ("sqrt", 0.5), ("none", 1.0)])
def test_rate_follows_the_batch_as_asked(scaling: str, factor: float) -> None:
    settings = schedule(
        linear={
            "stages": 1,
            "global_batch": [16, 16],
            "learning_rate": 0.2,
            "learning_rate_batch": 64,
            "learning_rate_scaling": scaling,
        }
    )

    assert stages(settings, num_photos=100)[0].peak_learning_rate == pytest.approx(0.2 * factor)


@pytest.mark.parametrize(
    ("optimizer", "given_scaling", "factor"),
    [
        ("adamw", None, 0.5),
        ("sgd", None, 0.25),
        ("rmsprop", None, 0.25),
        ("sgd", "sqrt", 0.5),
        ("adamw", "none", 1.0),
    ],
)
@pytest.mark.parametrize("way", ["stages", "linear", "preset"])
def test_rate_follows_the_batch_as_suits_the_optimizer_unless_asked(
    optimizer: str, given_scaling: str | None, factor: float, way: str
) -> None:
    rate = {
        "learning_rate": 0.2,
        "learning_rate_batch": 64,
        "learning_rate_scaling": given_scaling,
    }
    ways: dict[str, Any] = {
        "stages": [{**rate, "image_size_px": 32, "global_batch": 16, "epochs": 1}],
        "linear": {**rate, "stages": 1, "global_batch": [16, 16]},
        "preset": {**rate, "name": "fixed", "global_batch": 16},
    }
    values = {"optimizer": optimizer, "schedule": {way: ways[way]}}
    trainer = load_settings(TrainerSettings, values, source="trainer")

    (stage,) = stages(trainer.schedule, num_photos=100)
    assert stage.peak_learning_rate == pytest.approx(0.2 * factor)
    # What is written down of a run says it, and is read as it is.
    written = trainer.model_dump(mode="json")
    resolved = written["schedule"][way]
    resolved = resolved[0] if way == "stages" else resolved
    assert resolved["learning_rate_scaling"] in ("linear", "sqrt", "none")
    assert load_settings(TrainerSettings, written, source="trainer") == trainer


@given(
    count=st.integers(2, 12),
    first=st.integers(1, 512),
    last=st.integers(1, 512),
    multiple=st.sampled_from([1, 2, 8]),
)
def test_batches_are_geometric_up_to_rounding_to_their_multiple(
    count: int, first: int, last: int, multiple: int
) -> None:
    settings = schedule(
        linear={"stages": count, "global_batch": [first, last], "batch_multiple": multiple}
    )
    plan = stages(settings, num_photos=10_000)

    assert [plan[0].global_batch, plan[-1].global_batch] == [first, last]
    for stage in plan[1:-1]:
        exact = first * (last / first) ** (stage.index / (count - 1))
        assert stage.global_batch % multiple == 0
        assert stage.global_batch >= multiple
        assert abs(stage.global_batch - exact) <= multiple / 2 + 1e-6 or (
            stage.global_batch == multiple > exact
        )


@pytest.mark.parametrize(
    ("ends", "sizes"),
    [
        ([100, 299], [100, 160, 224, 299]),
        ([299, 100], [299, 224, 160, 100]),
        ([128, 288], [128, 192, 224, 288]),
        ([100, 120], [100, 107, 113, 120]),  # no multiple of 32 lies between
    ],
)
def test_linear_ends_stay_and_networks_halve_the_sizes_between_without_a_remainder(
    ends: list[int], sizes: list[int]
) -> None:
    plan = stages(schedule(linear={"image_size_px": ends}), num_photos=10_000)
    assert [stage.image_size_px for stage in plan] == sizes


def test_default_schedule_ends_at_the_size_of_the_phone() -> None:
    assert largest_image_size_px(TrainerSettings().schedule) == 299


@pytest.mark.parametrize(
    ("given", "learns"),
    [
        ({}, ["all", "all", "all"]),
        ({"trainable": ["head"]}, ["head", "head", "head"]),
        ({"trainable": ["head", "top:0.3", "all"]}, ["head", "top:0.3", "all"]),
    ],
)
def test_linear_stages_learn_what_is_said_of_each_or_of_all(
    given: dict[str, Any], learns: list[str]
) -> None:
    plan = stages(schedule(linear={"stages": 3, **given}), num_photos=10_000)
    assert [stage.trainable for stage in plan] == learns


@given(
    count=st.integers(1, 20),
    first=st.integers(64, 400),
    last=st.integers(64, 400),
    multiple=st.sampled_from([1, 8, 32]),
)
def test_sizes_go_from_end_to_end_in_multiples_and_the_largest_is_told_without_photos(
    count: int, first: int, last: int, multiple: int
) -> None:
    settings = schedule(
        linear={"stages": count, "image_size_px": [first, last], "size_multiple_px": multiple}
    )
    sizes = [stage.image_size_px for stage in stages(settings, num_photos=10_000)]

    assert (sizes[0] if count > 1 else first, sizes[-1]) == (first, last)
    assert sizes == sorted(sizes, reverse=first > last)
    low, high = sorted((first, last))
    if low % multiple == high % multiple == 0:
        assert all(size % multiple == 0 for size in sizes)
    assert largest_image_size_px(settings) == max(sizes)
    assert smallest_image_size_px(settings) == min(sizes)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"schedule": {}},
            "schedule takes one of `stages`, `linear` and `preset`, and only one",
        ),
        ({"schedule": {"stages": []}}, "schedule.stages must name at least one stage"),
        (
            {"schedule": {"stages": written((8, 1.0)), "linear": {}}},
            "schedule takes one of `stages`, `linear` and `preset`, and only one",
        ),
        (
            {"schedule": {"linear": {"stages": 3, "trainable": ["head", "all"]}}},
            "trainable takes one entry, or one for each of 3 stages; 2 came",
        ),
        ({"epochs": 3}, "trainer: epochs: unknown setting. Allowed: network, base_weights,"),
        (
            {"schedule": {"linear": {"stage": 3}}},
            "trainer: schedule.linear.stage: unknown setting. Allowed: stages,",
        ),
        ({"schedule": {"linear": {"stage": 3}}}, "Did you mean 'stages'?"),
        (
            {"schedule": {"stages": [{"image_size_px": 64}]}},
            "trainer: schedule.stages.0.global_batch: required, but not given.",
        ),
        ({"clip_global_norm": 0}, "trainer: clip_global_norm: Input should be greater than 0."),
        ({"network": "resnet"}, "trainer: network: Input should be 'small'"),
        (
            {"schedule": {"linear": {"stages": 0}}},
            "trainer: schedule.linear.stages: Input should be greater than or equal to 1. "
            "Received: 0.",
        ),
        (
            {"schedule": {"stages": [{**each, "mixup": 0.2} for each in written((5, 1.0))]}},
            "stages.0.global_batch must be even: mixup and cutmix mix the photos of a batch in "
            "pairs; 5 came",
        ),
        ({"seed": -1}, "trainer: seed: Input should be greater than or equal to 0. Received: -1."),
        (
            {"seed": 2**31},
            "trainer: seed: Input should be less than or equal to 2147483647. "
            "Received: 2147483648.",
        ),
    ],
)
def test_settings_are_refused_with_their_place(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(TrainerSettings, values, source="trainer")

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("part", "ends"),
    [
        ("image_size_px", [16, 64]),
        ("image_size_px", [64, 4096]),
        ("global_batch", [0, 32]),
        ("epochs", [-1.0, 4.0]),
        ("dropout", [0.1, 1.0]),
        ("augment", [0.1, 1.5]),
    ],
)
def test_linear_end_that_no_stage_may_have_is_refused_when_the_config_is_read(
    part: str, ends: list[float]
) -> None:
    with pytest.raises(
        ConfigError, match=rf"^trainer: schedule\.linear\.{part}\.[01]: Input should"
    ):
        load_settings(TrainerSettings, {"schedule": {"linear": {part: ends}}}, source="trainer")


def stage(*, start: int, steps: int, batch: int) -> Stage:
    return Stage(0, 64, batch, steps, start, 0.1, 0.0, 0.0, 0.0)


@given(
    start=st.integers(0, 2000),
    steps=st.integers(1, 300),
    batch=st.integers(1, 64),
    num_photos=st.integers(1, 500),
)
def test_validations_lie_at_the_stage_end_and_half_an_epoch_apart(
    start: int, steps: int, batch: int, num_photos: int
) -> None:
    assume(batch <= num_photos)
    part = stage(start=start, steps=steps, batch=batch)
    ends = [
        seen
        for seen in range(start + batch, part.end_examples + 1, batch)
        if ends_epoch(part, seen, num_photos=num_photos)
    ]

    assert ends[-1] == part.end_examples
    assert all(
        after - before > num_photos / 2
        for before, after in zip([start, *ends], ends, strict=False)
        if after != part.end_examples or before != start
    )


def test_validation_follows_the_step_that_passed_the_end_of_an_epoch() -> None:
    part = stage(start=0, steps=30, batch=10)

    ends = [seen for seen in range(10, 301, 10) if ends_epoch(part, seen, num_photos=95)]

    assert ends == [100, 190, 300]


def photos_of(*stages: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"image_size_px": 64, "learning_rate": 0.1, **each} for each in stages]


def test_stage_may_be_so_many_photos_long_and_its_neighbours_epochs() -> None:
    mixed = photos_of(
        {"global_batch": 10, "examples": 255},
        {"global_batch": 20, "epochs": 0.5},
        {"global_batch": 7, "examples": 1_000},
    )

    plan = stages(schedule(stages=mixed), num_photos=1000)

    # To the nearest batch of where the stage would end: 255, 755 and 1,755 photos.
    assert [stage.end_examples for stage in plan] == [260, 760, 1754]
    twice = stages(schedule(stages=[mixed[0], mixed[2]]), num_photos=2000)
    assert [stage.steps for stage in twice] == [26, 142]


@pytest.mark.parametrize("lengths", [{}, {"epochs": 1, "examples": 100}])
def test_stage_has_one_length(lengths: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=r"takes one of `epochs` and `examples`, and only one"):
        schedule(stages=photos_of({"global_batch": 10, **lengths}))


def test_stage_of_fewer_photos_than_half_a_step_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        stages(schedule(stages=photos_of({"global_batch": 64, "examples": 30})), num_photos=1000)
    assert str(caught.value) == (
        "schedule stage 1: 30 photos are less than one step at a global batch of 64. Lower the "
        "batch or raise the examples."
    )
    with pytest.raises(ConfigError, match=r"stages\.0\.examples: Input should be a valid integer"):
        schedule(stages=photos_of({"global_batch": 64, "examples": 30.5}))


def test_label_smoothing_moves_between_its_ends_or_stays() -> None:
    def smoothing(value: Any) -> list[float]:
        linear = {"stages": 3, "label_smoothing": value}
        return [stage.label_smoothing for stage in written_stages(schedule(linear=linear))]

    assert smoothing([0.0, 0.2]) == pytest.approx([0.0, 0.1, 0.2])
    assert smoothing(0.05) == [0.05] * 3
    with pytest.raises(ConfigError, match=r"linear\.label_smoothing\.1: Input should be less than"):
        smoothing([0.1, 1])
    with pytest.raises(ConfigError, match=r"linear\.label_smoothing\.0: .* a valid number"):
        smoothing("much")
    with pytest.raises(ConfigError, match=r"linear\.label_smoothing: takes a list of values"):
        smoothing({"first": 0.1})


def test_of_two_ends_one_value_is_both() -> None:
    linear = {"stages": 3, "image_size_px": 224, "global_batch": "auto", "trainable": "head"}
    made = written_stages(schedule(linear=linear))
    assert [(each.image_size_px, each.global_batch, each.trainable) for each in made] == [
        (224, "auto", "head")
    ] * 3
