"""Bars on slices: every verdict, its words and its figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.taxon_evaluator.bars import Bar
from components.taxon_evaluator.config import EvaluationSettings
from components.taxon_evaluator.judgement import judge, read_judgement
from components.taxon_evaluator.slice_bar import SliceBar
from components.taxon_evaluator.slice_judgement import judge_slices
from components.taxon_evaluator.tables.table_files import METRICS_SCHEMA
from schemas.errors import ConfigError
from schemas.settings import load_settings

# Family, slice, taxon id, n, value, low, high.
OWLS = [
    ("leaf", "Strix aluco", 101, 40, 0.9, 0.77, 0.96),
    ("leaf", "Strix varia", 102, 20, 0.25, 0.11, 0.47),
    ("leaf", "Strix uralensis", 103, 4, 0.5, 0.15, 0.85),
    ("leaf", "Asio otus", 104, 30, 0.1, 0.03, 0.26),
]


def table(rows: list[tuple[Any, ...]] = OWLS, metric: str = "top1_accuracy") -> pa.Table:
    columns = zip(*[(*row[:3], metric, *row[3:]) for row in rows], strict=True)
    arrays = dict(zip(METRICS_SCHEMA.names, columns, strict=True)) if rows else {}
    return pa.table({name: list(arrays.get(name, [])) for name in METRICS_SCHEMA.names}).cast(
        METRICS_SCHEMA
    )


def bar(**values: Any) -> SliceBar:
    given_values = {"family": "leaf", "metric": "top1_accuracy", **values}
    return load_settings(SliceBar, given_values, source="bars[0]")


def judged(asked: SliceBar, rows: pa.Table | None = None) -> list[Bar]:
    return list(judge_slices([asked], lambda *_: table() if rows is None else rows))


def words(asked: SliceBar, rows: pa.Table | None = None) -> str:
    (found,) = judged(asked, rows)
    return found.words()


def test_named_slice_above_and_below_its_bar() -> None:
    (passed,) = judged(bar(slice="Strix aluco", at_least=0.9))
    (missed,) = judged(bar(slice="Strix varia", at_least=0.6))

    assert (passed.passed, passed.missed_by) == (True, 0.0)
    assert passed.words() == (
        "top1_accuracy is 0.9 over Strix aluco of leaf (n = 40), within the bar of 0.9 (bars[0])"
    )
    assert (missed.passed, missed.missed_by) == (False, 0.35)
    assert missed.words() == (
        "top1_accuracy is 0.25 over Strix varia of leaf (n = 20), 0.35 below the bar of 0.6 "
        "(bars[0])"
    )


def test_bar_that_must_not_be_exceeded() -> None:
    assert words(bar(slice="Strix aluco", at_most=0.4)) == (
        "top1_accuracy is 0.9 over Strix aluco of leaf (n = 40), 0.5 above the bar of 0.4 (bars[0])"
    )
    assert judged(bar(slice="Strix aluco", at_most=0.9))[0].passed


def test_slice_may_be_named_by_its_taxon_id() -> None:
    assert "over Strix varia of leaf" in words(bar(slice="102", at_least=0.2))


def test_homonyms_are_each_judged() -> None:
    rows = table([OWLS[0], ("leaf", "Strix aluco", 909, 9, 0.1, 0.02, 0.43)])

    assert [found.passed for found in judged(bar(slice="Strix aluco", at_least=0.5), rows)] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("passes_if", "name", "at_least", "passes"),
    [
        ("any_of_interval", "Strix varia", 0.45, True),
        ("any_of_interval", "Strix varia", 0.5, False),
        ("all_of_interval", "Strix aluco", 0.75, True),
        ("all_of_interval", "Strix aluco", 0.8, False),
    ],
)
def test_end_of_the_interval_decides_if_asked(
    passes_if: str, name: str, at_least: float, passes: bool
) -> None:
    (found,) = judged(bar(slice=name, at_least=at_least, passes_if=passes_if))

    assert found.passed == passes


def test_words_of_an_interval_say_which_end_counts() -> None:
    assert words(bar(slice="Strix aluco", at_least=0.8, passes_if="all_of_interval")) == (
        "top1_accuracy is 0.9 (0.77 at the end that counts) over Strix aluco of leaf (n = 40), "
        "0.03 below the bar of 0.8 (bars[0]); interval 0.77 to 0.96, and all_of_interval must "
        "reach the bar"
    )


def test_without_an_interval_nothing_is_beyond_chance_and_nothing_sure() -> None:
    rows = table([("leaf", "Strix aluco", 101, 1, 3.0, None, None)], metric="log_loss")
    asked = {"metric": "log_loss", "slice": "Strix aluco", "at_most": 2.0}

    (lenient,) = judged(bar(**asked, passes_if="any_of_interval"), rows)
    (strict,) = judged(bar(**{**asked, "at_most": 4.0}, passes_if="all_of_interval"), rows)

    assert lenient.passed
    assert not strict.passed
    assert strict.words() == (
        "log_loss is 3 over Strix aluco of leaf (n = 1), which is not sure to reach the bar of 4 "
        "(bars[0]); no interval, and all_of_interval must reach the bar"
    )


def test_every_slice_with_none_allowed_to_miss() -> None:
    (found,) = judged(bar(at_least=0.6))

    assert found.words() == (
        "missed_slices is 3 over 4 slices of leaf, 3 above the bar of 0 (bars[0]); top1_accuracy "
        "below 0.6: Asio otus 0.1 (n = 30, by 0.5), Strix varia 0.25 (n = 20, by 0.35), "
        "Strix uralensis 0.5 (n = 4, by 0.1)"
    )
    assert [slice_.taxon_id for slice_ in found.slices] == [104, 102, 103]


def test_as_many_slices_as_may_miss_pass_and_one_more_does_not() -> None:
    assert judged(bar(at_least=0.6, max_missed=3))[0].passed
    (found,) = judged(bar(at_least=0.6, max_missed=2))
    assert (found.passed, found.value, found.missed_by) == (False, 3, 1)


def test_small_slices_are_not_judged() -> None:
    (found,) = judged(bar(at_least=0.6, min_photos=20))

    assert (found.value, found.slice) == (2, "3 slices of leaf with n of at least 20")


def test_every_slice_beyond_chance() -> None:
    (found,) = judged(bar(at_least=0.4, passes_if="any_of_interval"))

    assert found.note == "top1_accuracy below 0.4 beyond chance: Asio otus 0.1 (n = 30, by 0.14)"


@pytest.mark.parametrize(
    ("asked", "rows", "reason"),
    [
        (
            {"slice": "Strix occidentalis"},
            table(),
            "over Strix occidentalis of leaf, the bar of 0.6 (bars[0]) cannot be judged; there is "
            "no such slice; leaf has Strix aluco, Strix varia, Strix uralensis, Asio otus",
        ),
        (
            {"slice": "Strix aluco", "min_photos": 41},
            table(),
            "over Strix aluco of leaf, the bar of 0.6 (bars[0]) cannot be judged; n is 40 at most, "
            "and the bar asks for 41",
        ),
        (
            {"min_photos": 50},
            table(),
            "over every slice of leaf, the bar of 0.6 (bars[0]) cannot be judged; n is 40 at most, "
            "and the bar asks for 50",
        ),
        (
            {},
            table([]),
            "over every slice of leaf, the bar of 0.6 (bars[0]) cannot be judged; no slice of leaf "
            "has top1_accuracy",
        ),
    ],
)
def test_absent_slice_fails_with_a_reason_unless_it_may_be_absent(
    asked: dict[str, Any], rows: pa.Table, reason: str
) -> None:
    (found,) = judged(bar(**asked, at_least=0.6), rows)
    (allowed,) = judged(bar(**asked, at_least=0.6, if_absent="pass"), rows)

    assert (found.passed, found.missed_by) == (False, None)
    assert found.words() == f"top1_accuracy is not known {reason}"
    assert allowed.passed


def test_bar_on_a_slice_withholds_and_is_read_again(tmp_path: Path) -> None:
    settings = EvaluationSettings(min_top1=0.3)
    bars = judge_slices([bar(at_least=0.6), bar(slice="x", at_least=0.6)], lambda *_: table())

    found = judge(settings, top1=0.5, comparison=None, tfma_failures=(), slice_bars=bars)
    found.write(tmp_path)

    assert not found.blessed
    assert [reason.split(",")[0] for reason in found.reasons] == [
        "missed_slices is 3 over 4 slices of leaf",
        "top1_accuracy is not known over x of leaf",
    ]
    assert read_judgement(tmp_path) == found
    (_, every, absent) = json.loads((tmp_path / "verdict.json").read_text())["bars"]
    assert every["slices"][0] == {
        "slice": "Asio otus",
        "taxon_id": 104,
        "n": 30,
        "value": 0.1,
        "low": 0.03,
        "high": 0.26,
        "missed_by": 0.5,
    }
    assert (absent["value"], absent["missed_by"]) == (None, None)


@given(
    values=st.lists(st.tuples(st.integers(1, 50), st.integers(0, 100)), min_size=1, max_size=9),
    threshold=st.integers(0, 100),
    allowed=st.integers(0, 4),
    min_photos=st.integers(1, 30),
)
def test_every_slice_is_what_each_by_itself_adds_up_to(
    values: list[tuple[int, int]], threshold: int, allowed: int, min_photos: int
) -> None:
    rows = table([("year", str(i), 0, n, v / 100, None, None) for i, (n, v) in enumerate(values)])
    asked = {"family": "year", "at_least": threshold / 100, "min_photos": min_photos}

    (every,) = judged(bar(**asked, max_missed=allowed), rows)
    single = [
        judged(bar(**asked, slice=str(place)), rows)[0].passed
        for place, (n, _) in enumerate(values)
        if n >= min_photos
    ]

    if single:
        assert every.value == single.count(False)
        assert every.passed == (single.count(False) <= allowed)
    else:
        assert not every.passed


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"at_least": 0.5, "at_most": 0.6}, "at_least or at_most, and only one of them"),
        ({}, "at_least or at_most, and only one of them"),
        ({"slice": "Aves", "at_least": 0.5, "max_missed": 2}, "max_missed is for bars on every"),
        ({"at_least": 0.5, "metric": "top1_acuracy"}, "Did you mean 'top1_accuracy'?"),
        ({"at_least": 0.5, "family": "leave"}, "Did you mean 'leaf'?"),
        (
            {"at_most": 0.1, "metric": "calibration_error", "passes_if": "any_of_interval"},
            "calibration_error has no interval, so that passes_if must be value",
        ),
    ],
)
def test_bar_that_cannot_be_meant_is_refused_before_anything_runs(
    values: dict[str, Any], message: str
) -> None:
    given_values = {"bars": [{"family": "leaf", "metric": "top1_accuracy", **values}]}
    with pytest.raises(ConfigError) as error:
        load_settings(EvaluationSettings, given_values, source="evaluation")
    assert message in str(error.value)
