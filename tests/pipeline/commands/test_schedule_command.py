from __future__ import annotations

import re
from typing import Any

import pytest
from click.testing import CliRunner

from components.progressive_trainer.adaptive_settings import AdaptiveSettings
from components.progressive_trainer.config import LinearSchedule, ScheduleSettings
from components.progressive_trainer.schedule import Stage, stages
from components.progressive_trainer.schedule_presets import RECIPES
from pipeline.commands.schedule import SCHEDULE_PRESETS, command
from pipeline.schedule_table import schedule_curves, schedule_notes, schedule_table


def test_names_offered_are_the_recipes() -> None:
    assert set(SCHEDULE_PRESETS) == set(RECIPES)


def test_preset_is_printed_with_its_cost_and_curves() -> None:
    arguments = ["journal", "--photos", "1000", "--leaves", "7", "--set", "trainer.network=small"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout.startswith("small, 1,000 training photos, 7 leaves\n")
    rows = re.findall(r"^ +(\d) +(\d+) +(\d+) +([\d.]+) +", result.stdout, re.MULTILINE)
    assert rows == [
        ("1", "100", "128", "15.1"),  # over the end of an epoch, and not just before it
        ("2", "200", "64", "7.4"),
        ("3", "299", "32", "7.5"),
    ]
    assert re.search(r"PFLOP  of operations$", result.stdout, re.MULTILINE)
    shares = [int(share) for share in re.findall(r"(\d+)%$", result.stdout, re.MULTILINE)]
    assert sum(shares) == pytest.approx(100, abs=1)
    assert shares == sorted(shares)
    assert "size px  ▃" in result.stdout
    (memory,) = re.findall(r"^memory: .* a device at (\d+) px", result.stdout, re.MULTILINE)
    assert memory == "299"
    assert "RandAug  ▁" not in result.stdout


def test_cost_of_a_photo_grows_with_its_area() -> None:
    from components.progressive_trainer.flops import FlopCounter

    counter = FlopCounter("small", num_leaves=3)
    small, large = counter.training(64), counter.training(128)
    assert large / small == pytest.approx(4, rel=0.02)
    # 3x3 convolutions of 24 channels on 3, at stride 2: two operations a multiply-add.
    assert counter.forward(64) > 2 * 9 * 3 * 24 * 32 * 32


def planned(stages_given: list[dict[str, Any]]) -> tuple[Stage, ...]:
    same = {"global_batch": 10, "epochs": 1, "learning_rate": 0.1}
    schedule = ScheduleSettings.model_validate({"stages": [same | each for each in stages_given]})
    return stages(schedule, num_photos=100)


def area(size: int) -> float:
    return float(size**2)


def test_saving_is_told_against_the_largest_size() -> None:
    plan = planned([{"image_size_px": 50}, {"image_size_px": 100}])
    table = schedule_table(plan, num_photos=100, cost_of_size=area)
    assert "0.62 of what the same epochs cost at 100 px throughout." in table


def test_frozen_part_costs_its_pass_forth_alone() -> None:
    sized = [{"image_size_px": 100, "trainable": part} for part in ("head", "top:0.5", "all")]
    table = schedule_table(planned(sized), num_photos=100, cost_of_size=area)
    assert re.findall(r"(\d+)%$", table, re.MULTILINE) == ["17", "33", "50"]
    assert "0.67 of what the same epochs cost at 100 px throughout, all of it learning." in table


def test_validations_are_counted_where_their_photos_are_given() -> None:
    plan = planned([{"image_size_px": 100, "trainable": part} for part in ("head", "all")])
    table = schedule_table(plan, num_photos=100, cost_of_size=area, val_photos=100)
    # Training takes 1 and 3 passes forth, the validation of as many photos 1 and 1.
    shares = re.findall(r"(\d+)% +\S+ +(\d+)%$", table, re.MULTILINE)
    assert shares == [("25", "33"), ("75", "67")]
    assert re.search(r"of operations +val PFLOP +of operations, val too$", table, re.MULTILINE)


def test_what_alters_photos_has_a_column_where_a_stage_uses_it() -> None:
    plan = planned([{"image_size_px": 96}, {"image_size_px": 96, "cutmix": 0.5}])
    header, _, second = schedule_table(plan, num_photos=100, cost_of_size=area).splitlines()[:3]
    row = dict(zip(re.split(r"  +", header.strip()), re.split(r"  +", second.strip()), strict=True))
    assert (row["CutMix"], row["smoothing"]) == ("0.50", "0.10")
    assert "Mixup" not in row
    curves = schedule_curves(plan, ScheduleSettings(linear=LinearSchedule()), num_photos=100)
    assert re.search("CutMix  ▁+█+  0 .. 0.5$", curves, re.MULTILINE)


def test_notes_say_what_is_open_and_which_sizes_are_dear() -> None:
    plan = planned([{"image_size_px": 100, "global_batch": "auto", "learning_rate_batch": 10}])
    assert schedule_notes(plan, AdaptiveSettings(), cost_of_size=lambda size: -(-size // 32)) == [
        "auto: found by trial when training starts; shown is learning_rate_batch.",
        "adaptive: a stage may end at 0.5 of its epochs, and go on to 1.5 of them.",
        "sizes: a pixel costs at 100 px 1.23 times as much as at 96 px: the network halves "
        "multiples of 32 px without a remainder.",
    ]
    assert schedule_notes(planned([{"image_size_px": 100}]), None, cost_of_size=area) == []


@pytest.mark.parametrize(
    ("batches", "epochs", "said"),
    [
        ((40, 20, 10), 2, ["steps: 35, where 60 would be taken with a batch of 10 throughout. "]),
        ((40, 20, 10), 200, []),  # steps enough
        ((10, 10, 10), 2, []),  # as many as there can be
    ],
)
def test_notes_say_where_large_batches_leave_few_steps(
    batches: tuple[int, ...], epochs: int, said: list[str]
) -> None:
    plan = planned(
        [{"image_size_px": 96, "global_batch": batch, "epochs": epochs} for batch in batches]
    )
    notes = schedule_notes(plan, None, cost_of_size=area)
    assert [note.partition("In short runs")[0] for note in notes] == said
