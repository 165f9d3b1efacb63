from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from benchmarks.progressive_figures import (
    Cost,
    Dip,
    difference,
    dips,
    interval,
    median_costs,
    seconds_to,
    stage_costs,
    timed,
)
from benchmarks.progressive_plot import svg


def epoch(number: float, size_px: int, at_size: float, at_full: float = 0.0) -> dict[str, Any]:
    return {
        "epoch": number,
        "image_size_px": size_px,
        "val_top1": at_size,
        "full_size_top1": at_full,
        "train_secs": 10.0,
    }


def test_time_to_a_target_counts_epochs_up_to_the_first_that_shows_it() -> None:
    epochs = [epoch(1, 64, 0.5, 0.3), epoch(2, 64, 0.5, 0.6), epoch(3, 64, 0.5, 0.4)]
    assert seconds_to(epochs, 0.6) == 20.0
    assert seconds_to(epochs, 0.61) is None


def rows(*ends: tuple[int, int, float]) -> list[dict[str, Any]]:
    """Of (stage, photos seen, seconds)."""
    names = ("stage", "examples_seen", "train_secs")
    return [dict(zip(names, end, strict=True)) for end in ends]


def test_a_stage_costs_what_its_second_epoch_does_and_what_the_first_took_more() -> None:
    run = rows((0, 100, 3.0), (0, 200, 1.0), (1, 320, 10.0), (1, 420, 4.0))
    assert stage_costs(run) == [
        (pytest.approx(2.0), pytest.approx(0.01)),
        (pytest.approx(5.2), pytest.approx(0.04)),
    ]


def test_costs_are_the_medians_of_each_kind_so_that_one_slow_run_says_nothing() -> None:
    runs = [[Cost(1, 1), Cost(5, 10)], [Cost(2, 9), Cost(7, 11)], [Cost(9, 2), Cost(6, 99)]]
    assert median_costs(runs, ["small", "large"]) == {"small": Cost(2, 2), "large": Cost(6, 11)}


def test_a_training_is_timed_by_its_photos_and_the_stages_that_it_began() -> None:
    measured = {"epochs": rows((0, 100, 77.0), (0, 150, 77.0), (1, 250, 77.0)), "train_secs": 231}
    result = timed(measured, [Cost(2, 0.01), Cost(5, 0.04)])
    assert [epoch["train_secs"] for epoch in result["epochs"]] == pytest.approx([3.0, 0.5, 9.0])
    assert result["train_secs"] == pytest.approx(12.5)


def test_a_dip_is_what_the_first_validation_after_a_switch_lost_and_when_it_was_back() -> None:
    epochs = [
        epoch(1, 64, 0.5),
        epoch(2, 64, 0.6),
        epoch(3, 128, 0.4),
        epoch(4, 128, 0.6),
        epoch(5, 160, 0.55),
    ]
    first, second = dips(epochs)
    assert first == Dip(64, 128, pytest.approx(0.2), 2)
    assert second == Dip(128, 160, pytest.approx(0.05), None)


def test_a_fixed_size_has_no_dips() -> None:
    assert dips([epoch(1, 64, 0.5), epoch(2, 64, 0.4)]) == []


def test_interval_holds_the_accuracy_and_narrows_with_the_photos() -> None:
    few, many = interval([[0, 1] * 20] * 3), interval([[0, 1] * 2000] * 3)
    assert few.mean == many.mean == 0.5
    assert few.low < many.low < 0.5 < many.high < few.high


def test_seeds_that_differ_widen_the_interval() -> None:
    alike, unlike = interval([[0, 1] * 500] * 2), interval([[1] * 1000, [0] * 1000])
    assert unlike.high - unlike.low > 5 * (alike.high - alike.low)


def test_difference_is_paired_so_that_hard_photos_do_not_blur_it() -> None:
    """The arm is right on every photo that the baseline is, and on one in ten besides."""
    baseline = [[1] * 50 + [0] * 50] * 2
    better = [[1] * 60 + [0] * 40] * 2
    gain = difference(better, baseline)
    assert gain.mean == pytest.approx(0.1)
    assert gain.low > 0
    assert gain.high < 0.2
    assert difference(baseline, baseline) == (0, 0, 0)


def test_curves_have_a_line_a_training_and_name_their_arms() -> None:
    picture = svg({"fixed": [[(10, 0.2), (20, 0.5)]] * 2, "journal": [[(5, 0.4)]]}, "birds")
    root = ElementTree.fromstring(picture)
    tag = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{tag}polyline")) == 3
    assert {"fixed", "journal", "birds"} <= {text.text for text in root.findall(f"{tag}text")}
