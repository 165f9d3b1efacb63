from __future__ import annotations

from typing import Any

import pytest

from components.progressive_trainer.config import ScheduleSettings
from components.progressive_trainer.schedule import Stage, learning_rate, stages
from components.progressive_trainer.schedule_presets import RECIPES
from schemas.errors import ConfigError
from schemas.settings import load_settings


def plan(name: str, **values: Any) -> tuple[Stage, ...]:
    settings = load_settings(
        ScheduleSettings, {"preset": {"name": name, **values}}, source="schedule"
    )
    return stages(settings, num_photos=10_000)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_preset_fills_the_epochs_asked_for(name: str) -> None:
    made = plan(name, epochs=12)
    assert made[-1].end_examples == pytest.approx(120_000, abs=made[-1].global_batch)
    recipe = RECIPES[name]
    assert sum(recipe.epochs_share) == pytest.approx(1)
    assert {len(getattr(recipe, field)) for field in vars(recipe)} == {len(made)}


def test_journal_grows_the_photos_and_shrinks_the_batch() -> None:
    made = plan("journal", global_batch=32)
    assert [stage.image_size_px for stage in made] == [100, 200, 299]
    assert [stage.global_batch for stage in made] == [128, 64, 32]
    assert [stage.peak_learning_rate for stage in made] == pytest.approx(
        [1e-3 * 2**0.5, 1e-3, 1e-3 / 2**0.5]
    )


@pytest.mark.parametrize(
    ("name", "sizes", "rand_augment", "mixup", "dropout"),
    [
        ("paper-s", (128, 300), (5, 15), (0, 0), (0.1, 0.3)),
        ("paper-m", (128, 380), (5, 20), (0, 0.2), (0.1, 0.4)),
    ],
)
def test_papers_ends_are_those_of_its_table_6(
    name: str,
    sizes: tuple[int, int],
    rand_augment: tuple[float, float],
    mixup: tuple[float, float],
    dropout: tuple[float, float],
) -> None:
    first, *_, last = plan(name)
    assert (first.image_size_px, last.image_size_px) == sizes
    assert (first.rand_augment, last.rand_augment) == rand_augment
    assert (first.mixup, last.mixup) == mixup
    assert (first.dropout, last.dropout) == dropout
    assert len({stage.global_batch for stage in plan(name)}) == 1


@pytest.mark.parametrize(
    ("name", "last", "sizes"),
    [
        ("journal", 320, [107, 214, 320]),
        ("journal", 299, [100, 200, 299]),
        # A third would be below 96 px.
        ("journal", 224, [96, 160, 224]),
        ("journal", 160, [96, 128, 160]),
        ("journal", 80, [80, 80, 80]),
        ("paper-s", 160, [96, 117, 139, 160]),
        ("short", 160, [112, 136, 160]),
        ("fixed", 64, [64]),
    ],
)
def test_sizes_keep_their_ratio_to_the_last_unless_too_small(
    name: str, last: int, sizes: list[int]
) -> None:
    assert [stage.image_size_px for stage in plan(name, image_size_px=last)] == sizes


def test_smallest_size_is_a_setting() -> None:
    made = plan("journal", image_size_px=160, smallest_size_px=32)
    assert [stage.image_size_px for stage in made] == [54, 107, 160]


@pytest.mark.parametrize(
    ("name", "given", "sizes"),
    [
        ("journal", {"image_size_px": 90}, [90, 90, 90]),
        ("paper-s", {"image_size_px": 124}, [96, 96, 115, 124]),
        ("journal", {"image_size_px": 160, "smallest_size_px": 110}, [110, 128, 160]),
    ],
)
def test_multiple_takes_no_stage_below_the_smallest_size_or_above_the_last(
    name: str, given: dict[str, int], sizes: list[int]
) -> None:
    made = plan(name, size_multiple_px=32, **given)
    assert [stage.image_size_px for stage in made] == sizes


def test_last_batch_is_what_is_given() -> None:
    assert [stage.global_batch for stage in plan("journal", global_batch=12)] == [48, 24, 12]
    assert [stage.global_batch for stage in plan("short", global_batch=33)] == [33, 33, 33]


def test_sizes_have_their_multiple() -> None:
    made = plan("journal", image_size_px=224, size_multiple_px=32)
    assert [stage.image_size_px for stage in made] == [96, 160, 224]
    made = plan("journal", image_size_px=299, size_multiple_px=32)
    assert [stage.image_size_px for stage in made] == [96, 192, 299]
    assert [stage.image_size_px for stage in plan("journal", size_multiple_px=32)][-1] == 288


def test_short_takes_as_many_steps_an_epoch_at_every_size_of_at_least_two_thirds() -> None:
    made = plan("short", image_size_px=160)
    assert [stage.image_size_px for stage in made] == [112, 136, 160]
    assert {stage.global_batch for stage in made} == {32}
    assert {(stage.dropout, stage.augment) for stage in made} == {(0.2, 0.3)}


def test_short_leaves_a_rate_for_the_full_size() -> None:
    """Its last stage begins with about the rate that the run began with, in spite of the cosine."""
    settings = load_settings(
        ScheduleSettings, {"preset": {"name": "short"}, "warmup_epochs": 0}, source="schedule"
    )
    made = stages(settings, num_photos=10_000)
    first, last = (
        learning_rate(made, settings, num_photos=10_000, examples_seen=made[at].start_examples)
        for at in (0, -1)
    )
    assert 0.6 < last / first < 1


def test_transfer_trains_the_head_first_and_then_tunes_gently() -> None:
    head, everything = plan("transfer", learning_rate_scaling="none")
    assert (head.trainable, everything.trainable) == ("head", "all")
    assert everything.peak_learning_rate == pytest.approx(head.peak_learning_rate / 5)


@pytest.mark.parametrize(
    ("given", "learns"),
    [(["head"], ["head", "head"]), (["head", "top:0.3"], ["head", "top:0.3"])],
)
def test_backbone_of_transfer_stays_frozen_or_thaws_as_asked(
    given: list[str], learns: list[str]
) -> None:
    made = plan("transfer", trainable=given)
    assert [stage.trainable for stage in made] == learns
    assert [stage.image_size_px for stage in made] == [150, 299]


def test_entries_of_trainable_are_as_many_as_the_stages() -> None:
    with pytest.raises(ConfigError) as error:
        plan("transfer", trainable=["head", "top:0.3", "all"])
    assert str(error.value) == (
        "schedule.preset.trainable takes one entry, or one for each of the 2 stages of transfer. "
        "Received: ['head', 'top:0.3', 'all']. Give 2, or write the stages out."
    )


def test_fixed_has_the_last_stage_of_the_journal_throughout() -> None:
    (fixed,), last = plan("fixed"), plan("journal")[-1]
    for field in ("image_size_px", "global_batch", "peak_learning_rate", "dropout", "augment"):
        assert getattr(fixed, field) == getattr(last, field)


def test_unknown_preset_is_refused_with_the_names() -> None:
    with pytest.raises(ConfigError) as error:
        plan("papers")
    assert "'fixed', 'journal', 'short', 'paper-s', 'paper-m' or 'transfer'" in str(error.value)
