"""The reliability diagram: how often answers of a confidence are right.

On the diagonal a model is as often right as it says; below it, it says too much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from components.report.charts.axis import Axis, whole_percent
from components.report.charts.frame import Frame, drawing
from components.report.markup import element

_SHARES = Axis(0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))
_TALLEST = 0.25
"""Of the plane: the bar of the bin with the most photos, which stands for how many they are."""


@dataclass(frozen=True)
class Bin:
    """Photos of about one confidence.

    Attributes:
        above: confidence that the bin begins above.
        up_to: and where it ends.
        photos: in it.
        confidence: mean, 0..1.
        accuracy: share that is right, 0..1.
        low: lower end of its 95 % interval.
        high: upper end.
    """

    above: float
    up_to: float
    photos: int
    confidence: float
    accuracy: float
    low: float
    high: float


def reliability_diagram(bins: Sequence[Bin]) -> Markup:
    """Returns the diagram as SVG."""
    frame = Frame(
        _SHARES, _SHARES, whole_percent, whole_percent, "confidence of the answer", "right"
    )
    most = max((each.photos for each in bins), default=1)
    words = ", ".join(
        f"of {each.photos:,} at {each.confidence:.0%}, {each.accuracy:.0%} are right"
        for each in bins
    )
    diagonal = element(
        "path",
        d=f"M{frame.x_of(0):.1f} {frame.y_of(0):.1f}L{frame.x_of(1):.1f} {frame.y_of(1):.1f}",
        class_="diagonal",
    )
    return drawing(
        "Reliability",
        f"{words}.",
        frame.grid(),
        *(_photos(frame, each, most) for each in bins),
        diagonal,
        *(_point(frame, each) for each in bins),
    )


def _photos(frame: Frame, each: Bin, most: int) -> Markup:
    left, right = frame.x_of(each.above), frame.x_of(each.up_to)
    top, bottom = frame.y_of(_TALLEST * each.photos / most), frame.y_of(0.0)
    return element(
        "rect", x=left + 1, y=top, width=right - left - 2, height=bottom - top, class_="photos"
    )


def _point(frame: Frame, each: Bin) -> Markup:
    x = frame.x_of(each.confidence)
    low, high = frame.y_of(each.low), frame.y_of(each.high)
    return element(
        "g",
        element("path", d=f"M{x:.1f} {low:.1f}V{high:.1f}", class_="line s0 whisker"),
        element("circle", cx=x, cy=frame.y_of(each.accuracy), r=4, class_="dot s0"),
    )
