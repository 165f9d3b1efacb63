"""A figure with its interval as a dot and a whisker, small enough for a cell of a table.

Beside it stand the numbers as text, so that it is decoration to those who do not see it.

    axis = share_axis([0.4, 0.9])
    Column("Top-1", drawing=scale(axis)), Cell("", drawing=whisker(Figure(.6, .5, .7, 90), axis))
"""

from __future__ import annotations

from markupsafe import Markup

from components.report.charts.axis import Axis
from components.report.markup import element
from components.report.wording import Figure

WIDTH, HEIGHT, MARGIN = 168.0, 18.0, 18.0
SCALE_HEIGHT = 22.0


def whisker(figure: Figure, axis: Axis) -> Markup:
    """Returns the drawing of a figure."""
    middle = HEIGHT / 2
    parts = [
        element("line", x1=_x(tick, axis), x2=_x(tick, axis), y1=0, y2=HEIGHT, class_="grid")
        for tick in axis.ticks
    ]
    if figure.low is not None and figure.high is not None:
        low, high = _x(figure.low, axis), _x(figure.high, axis)
        parts.append(element("path", d=f"M{low:.1f} {middle}H{high:.1f}", class_="line s0 whisker"))
    parts.append(element("circle", cx=_x(figure.value, axis), cy=middle, r=4, class_="dot s0"))
    return _svg(*parts)


def scale(axis: Axis) -> Markup:
    """Returns the scale of an axis of shares, for the head of the column."""
    labels = [
        element("text", f"{tick:.0%}", x=_x(tick, axis), y=17, text_anchor="middle")
        for tick in axis.ticks
    ]
    return _svg(*labels, height=SCALE_HEIGHT)


def _x(value: float, axis: Axis) -> float:
    return MARGIN + min(max(axis.place(value), 0.0), 1.0) * (WIDTH - 2 * MARGIN)


def _svg(*parts: Markup, height: float = HEIGHT) -> Markup:
    box = f"0 0 {WIDTH:g} {height:g}"
    return element("svg", *parts, viewBox=box, aria_hidden="true", class_="whisker")
