"""The frame of a chart: its size, its grid and labels, and where values come to lie.

Charts are drawn 420 wide, since a phone is hardly narrower: text that is shrunk is not read.
Colours are classes of the page's style sheet, which knows light, dark and paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from components.report.charts.axis import Axis
from components.report.markup import element

WIDTH, HEIGHT = 420.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 18.0, 26.0, 38.0
"""Margins, for labels."""

DIGIT_WIDTH = 7.5
"""Of the labels' font, about."""


@dataclass(frozen=True)
class Frame:
    """A plane with axes.

    Attributes:
        x: axis to the right.
        y: axis upwards.
        x_label: of a value of x.
        y_label: of a value of y.
        x_name: what x is.
        y_name: what y is.
    """

    x: Axis
    y: Axis
    x_label: Callable[[float], str]
    y_label: Callable[[float], str]
    x_name: str
    y_name: str

    def x_of(self, value: float) -> float:
        """Returns the horizontal place of a value, in pixels."""
        return LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)

    def y_of(self, value: float) -> float:
        """Returns the vertical place of a value, in pixels from the top."""
        return HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM)

    def grid(self) -> Markup:
        """Returns lines, labels and names of both axes."""
        return Markup("").join(
            [*self._rows(), *self._columns(), *self._names()],
        )

    def _rows(self) -> list[Markup]:
        rows = []
        for value in self.y.ticks:
            y = self.y_of(value)
            rows.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"))
            rows.append(
                element("text", self.y_label(value), x=LEFT - 6, y=y + 4, text_anchor="end")
            )
        return rows

    def _columns(self) -> list[Markup]:
        labels, free_from = [], 0.0
        for value in self.x.ticks:
            text, x = self.x_label(value), self.x_of(value)
            half = DIGIT_WIDTH * len(text) / 2
            x = min(x, WIDTH - half)
            if x - half < free_from:
                continue  # labels must not touch
            free_from = x + half + DIGIT_WIDTH
            labels.append(element("text", text, x=x, y=HEIGHT - BOTTOM + 16, text_anchor="middle"))
        return labels

    def _names(self) -> list[Markup]:
        middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
        return [
            element(
                "text", self.x_name, x=middle, y=HEIGHT - 5, text_anchor="middle", class_="name"
            ),
            element("text", self.y_name, x=2, y=12, class_="name"),
        ]


def drawing(title: str, description: str, *parts: Markup, height: float = HEIGHT) -> Markup:
    """Returns a chart as SVG.

    Args:
        title: what it is, in a few words.
        description: what it shows, for those who do not see it.
        parts: of the drawing, from the bottom up.
        height: in pixels.
    """
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *parts,
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        role="img",
        aria_label=f"{title}. {description}",
        class_="chart",
    )
