"""What is drawn lies where the figures say, inside the drawing."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.report.charts.axis import linear_axis, share_axis
from components.report.charts.bars import bar_chart
from components.report.charts.frame import HEIGHT, WIDTH
from components.report.charts.lines import MOST_POINTS, Band, Series, line_chart, thinned
from components.report.charts.reliability import Bin, reliability_diagram
from components.report.charts.whisker import whisker
from components.report.wording import Figure

VALUES = st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), max_size=20)
SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(VALUES, st.booleans())
def test_axis_holds_all_values_and_its_ticks(values: list[float], from_zero: bool) -> None:
    axis = linear_axis(values, from_zero=from_zero)
    assert axis.low < axis.high
    assert all(axis.low <= value <= axis.high for value in values)
    assert not from_zero or axis.low <= 0 <= axis.high
    assert list(axis.ticks) == sorted(set(axis.ticks))
    slack = 1e-6 * (axis.high - axis.low)
    assert all(axis.low - slack <= tick <= axis.high + slack for tick in axis.ticks)
    assert len(axis.ticks) <= 7


@given(SHARES)
def test_axis_of_shares_holds_them_between_nought_and_one(shares: list[float]) -> None:
    axis = share_axis(shares)
    assert 0 <= axis.low < axis.high <= 1
    assert all(axis.low - 1e-9 <= share <= axis.high + 1e-9 for share in shares)
    assert len(axis.ticks) >= 2


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e3)), min_size=1, max_size=50))
def test_lines_stay_inside_the_drawing(points: list[tuple[float, float]]) -> None:
    points = sorted(points)
    band = Band("1", 0.0, points[-1][0])
    series = [Series("a <b>", points), Series("c", points, stepped=True, dotted=True)]
    svg = ET.fromstring(line_chart("T", series, x_name="x", y_name="y", bands=[band]))
    for path in svg.iter("path"):
        places = [float(n) for n in re.findall(r"-?[\d.]+", path.get("d", ""))]
        assert all(-0.1 <= place <= WIDTH + 0.1 for place in places)
    for circle in svg.iter("circle"):
        assert 0 <= float(circle.get("cx", "")) <= WIDTH
        assert 0 <= float(circle.get("cy", "")) <= HEIGHT
    assert "a <b>" in [text.text for text in svg.iter("text")]


def test_long_line_is_thinned_and_keeps_its_ends() -> None:
    points = [(float(n), float(n)) for n in range(10_000)]
    kept = thinned(points)
    assert len(kept) <= MOST_POINTS
    assert (kept[0], kept[-1]) == (points[0], points[-1])


def test_labels_of_an_axis_do_not_touch() -> None:
    line = Series("a", [(0.0, 1.0), (1e6, 2.0)])
    svg = ET.fromstring(
        line_chart(
            "T", [line], x_name="x", y_name="y", x_label=lambda value: f"{value:,.0f} photos"
        )
    )
    labels = [
        (float(text.get("x", "")), len(text.text or ""))
        for text in svg.iter("text")
        if (text.text or "").endswith(" photos")
    ]
    assert len(labels) >= 2
    for (x, length), (next_x, next_length) in pairwise(labels):
        assert next_x - x >= 7 * (length + next_length) / 2


def test_higher_bars_stand_for_more_and_every_number_is_said() -> None:
    svg = ET.fromstring(bar_chart("T", [("0", 1), ("1–4", 30), ("5–9", 15)], x_name="", y_name=""))
    heights = [float(rect.get("height", "")) for rect in svg.iter("rect")]
    assert heights[1] == pytest.approx(2 * heights[2], abs=0.2)
    assert heights[1] == pytest.approx(30 * heights[0], rel=0.05)
    assert svg.findtext("desc") == "0: 1, 1–4: 30, 5–9: 15."


def test_perfectly_reliable_model_lies_on_the_diagonal() -> None:
    bins = [Bin(b / 5, (b + 1) / 5, 9, b / 5 + 0.1, b / 5 + 0.1, 0, 1) for b in range(5)]
    svg = ET.fromstring(reliability_diagram(bins))
    dots = [(float(c.get("cx", "")), float(c.get("cy", ""))) for c in svg.iter("circle")]
    slopes = {round((y2 - y1) / (x2 - x1), 2) for (x1, y1), (x2, y2) in pairwise(dots)}
    assert len(dots) == 5
    assert len(slopes) == 1


def test_whisker_reaches_from_end_to_end_of_the_interval() -> None:
    svg = ET.fromstring(whisker(Figure(0.5, 0.25, 0.75, 9), share_axis([0.0, 1.0])))
    (dot,) = svg.iter("circle")
    (line,) = svg.iter("path")
    low, _, high = (float(n) for n in re.findall(r"[\d.]+", line.get("d", "")))
    assert (low + high) / 2 == pytest.approx(float(dot.get("cx", "")), abs=0.2)
    assert not list(
        ET.fromstring(whisker(Figure(0.5, None, None, 9), share_axis([1.0]))).iter("path")
    )
