"""Lines over a run, straight or in steps, with the stages as bands behind them.

svg = line_chart("Top-1", [Series("val", [(0, 0.1), (9, 0.8)])], bands=[Band("1", 0, 9)],
                 x_name="photos", y_name="top-1")
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from components.report.charts.axis import Axis, linear_axis
from components.report.charts.frame import (
    BOTTOM,
    DIGIT_WIDTH,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Frame,
    drawing,
)
from components.report.markup import element
from components.report.wording import number

MOST_POINTS = 300
"""Of a line: more would not be seen."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """One line.

    Attributes:
        name: in the legend.
        points: (x, y), x rising; a y that is no number is a gap.
        stepped: whether a value holds until the next, and does not move towards it.
        dotted: whether each point is marked.
    """

    name: str
    points: Sequence[Point]
    stepped: bool = False
    dotted: bool = False


@dataclass(frozen=True)
class Band:
    """A stretch of x with a name.

    Attributes:
        name: short.
        start: value of x.
        end: value of x.
    """

    name: str
    start: float
    end: float


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_name: str,
    y_name: str,
    bands: Sequence[Band] = (),
    x_label: Callable[[float], str] = number,
    y_label: Callable[[float], str] = number,
    y_axis: Axis | None = None,
) -> Markup:
    """Returns the chart as SVG.

    Args:
        title: what it shows.
        series: the lines; at most five can be told apart.
        x_name: what x is.
        y_name: what y is.
        bands: drawn behind.
        x_label: of a value of x.
        y_label: of a value of y.
        y_axis: to show; None for one from 0 that holds all points.
    """
    frame = Frame(
        x=linear_axis([x for line in series for x, _ in line.points] + [b.end for b in bands]),
        y=y_axis or linear_axis([y for line in series for _, y in line.points]),
        x_label=x_label,
        y_label=y_label,
        x_name=x_name,
        y_name=y_name,
    )
    return drawing(
        title,
        _in_words(series, y_label),
        *_bands(frame, bands),
        frame.grid(),
        *(_line(frame, line, place) for place, line in enumerate(series)),
        *_band_names(frame, bands),
        *(_legend(series) if len(series) > 1 else ()),
    )


def _in_words(series: Sequence[Series], label: Callable[[float], str]) -> str:
    said = []
    for line in series:
        values = [y for _, y in line.points if math.isfinite(y)]
        if values:
            said.append(
                f"{line.name}: from {label(values[0])} to {label(values[-1])}, "
                f"highest {label(max(values))}"
            )
    return "; ".join(said) + "."


def _bands(frame: Frame, bands: Sequence[Band]) -> list[Markup]:
    drawn = []
    for place, band in enumerate(bands):
        left, right = frame.x_of(band.start), frame.x_of(band.end)
        drawn.append(
            element(
                "rect",
                x=left,
                y=TOP,
                width=max(right - left, 0.0),
                height=HEIGHT - TOP - BOTTOM,
                class_="band odd" if place % 2 else "band",
            )
        )
    return drawn


def _band_names(frame: Frame, bands: Sequence[Band]) -> list[Markup]:
    """Of bands that are wide enough."""
    names, y = [], HEIGHT - BOTTOM - 6
    for band in bands:
        left, right = frame.x_of(band.start), frame.x_of(band.end)
        if right - left > DIGIT_WIDTH * (len(band.name) + 1):
            x = (left + right) / 2
            names.append(
                element("text", band.name, x=x, y=y, text_anchor="middle", class_="band-name")
            )
    return names


def _line(frame: Frame, line: Series, place: int) -> Markup:
    points = [(frame.x_of(x), frame.y_of(y)) for x, y in thinned(line.points)]
    path = "".join(_moves(points, stepped=line.stepped))
    parts = [element("path", d=path, class_=f"line s{place}")] if path else []
    if line.dotted:
        parts += [
            element("circle", cx=x, cy=y, r=2.6, class_=f"dot s{place}")
            for x, y in points
            if math.isfinite(y)
        ]
    return Markup("").join(parts)


def _moves(points: Sequence[Point], *, stepped: bool) -> list[str]:
    moves: list[str] = []
    drawing_goes_on = False
    for x, y in points:
        goes_on, drawing_goes_on = drawing_goes_on, math.isfinite(y)
        if not drawing_goes_on:
            continue
        if not goes_on:
            moves.append(f"M{x:.1f} {y:.1f}")
        elif stepped:
            moves.append(f"H{x:.1f}V{y:.1f}")
        else:
            moves.append(f"L{x:.1f} {y:.1f}")
    return moves


def thinned(points: Sequence[Point]) -> list[Point]:
    """Returns at most MOST_POINTS of a line's points, evenly taken, with the first and the last."""
    if len(points) <= MOST_POINTS:
        return list(points)
    places = {round(n * (len(points) - 1) / (MOST_POINTS - 1)) for n in range(MOST_POINTS)}
    return [points[place] for place in sorted(places)]


def _legend(series: Sequence[Series]) -> list[Markup]:
    """From the right end to the left, above the plane; the name of y stands at its left."""
    parts = []
    x = WIDTH - RIGHT
    for place in reversed(range(len(series))):
        name = series[place].name
        x -= DIGIT_WIDTH * len(name)
        parts.append(element("text", name, x=max(x, LEFT), y=12))
        x -= 24
        path = f"M{x:.1f} 8H{x + 18:.1f}"
        parts.append(element("path", d=path, class_=f"line s{place}"))
        x -= 10
    return parts
