"""Upright bars, for a histogram.

svg = bar_chart("Photos of a taxon", [("1–4", 3), ("5–9", 12)], x_name="photos", y_name="taxa")
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from components.report.charts.axis import Axis, linear_axis
from components.report.charts.frame import DIGIT_WIDTH, HEIGHT, LEFT, RIGHT, WIDTH, Frame, drawing
from components.report.markup import element

GAP = 0.12
"""Share of a bar's room that stays free on either side."""


def bar_chart(title: str, bars: Sequence[tuple[str, float]], *, x_name: str, y_name: str) -> Markup:
    """Returns the chart as SVG.

    Args:
        title: what it shows.
        bars: (label, height, 0 or more), from left to right.
        x_name: what the labels are.
        y_name: what the heights are.
    """
    frame = Frame(
        x=Axis(0.0, max(float(len(bars)), 1.0), ()),
        y=linear_axis([height for _, height in bars]),
        x_label=str,
        y_label=lambda value: f"{value:,.0f}",
        x_name=x_name,
        y_name=y_name,
    )
    words = ", ".join(f"{label}: {height:,.0f}" for label, height in bars)
    parts = [_bar(frame, place, height) for place, (_, height) in enumerate(bars)]
    return drawing(title, f"{words}.", frame.grid(), *parts, *_labels(bars))


def _bar(frame: Frame, place: int, height: float) -> Markup:
    left, right = frame.x_of(place + GAP), frame.x_of(place + 1 - GAP)
    top, bottom = frame.y_of(height), frame.y_of(0.0)
    return element("rect", x=left, y=top, width=right - left, height=bottom - top, class_="bar s0")


def _labels(bars: Sequence[tuple[str, float]]) -> list[Markup]:
    room = (WIDTH - LEFT - RIGHT) / max(len(bars), 1)
    widest = max((len(label) for label, _ in bars), default=0) * DIGIT_WIDTH
    every = int(widest // room) + 1
    return [
        element("text", label, x=LEFT + (place + 0.5) * room, y=HEIGHT - 22, text_anchor="middle")
        for place, (label, _) in enumerate(bars)
        if place % every == 0
    ]
