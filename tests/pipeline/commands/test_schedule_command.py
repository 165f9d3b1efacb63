from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from components.progressive_trainer.schedule_presets import RECIPES
from pipeline.commands.schedule import SCHEDULE_PRESETS, command
from pipeline.schedule_table import schedule_table


def test_names_offered_are_the_recipes() -> None:
    assert set(SCHEDULE_PRESETS) == set(RECIPES)


def test_preset_is_printed_with_its_cost_and_curves() -> None:
    arguments = ["journal", "--photos", "1000", "--leaves", "7", "--set", "trainer.network=small"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout.startswith("small, 1,000 training photos, 7 leaves\n")
    rows = re.findall(r"^ +(\d) +(\d+) +(\d+) +([\d.]+) +", result.stdout, re.MULTILINE)
    assert rows == [
        ("1", "100", "128", "15.0"),
        ("2", "200", "64", "7.6"),
        ("3", "299", "32", "7.5"),
    ]
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


def test_saving_is_told_against_the_largest_size() -> None:
    from components.progressive_trainer.config import ScheduleSettings
    from components.progressive_trainer.schedule import stages

    schedule = ScheduleSettings.model_validate(
        {
            "stages": [
                {"image_size_px": size, "global_batch": 10, "epochs": 1, "learning_rate": 0.1}
                for size in (50, 100)
            ]
        }
    )
    table = schedule_table(
        stages(schedule, num_photos=100), num_photos=100, cost_of_size=lambda size: float(size**2)
    )
    assert "0.62 of what the same epochs cost at 100 px throughout" in table
