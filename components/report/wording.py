"""Figures as a person reads them.

>>> percent(0.8417), with_interval(Figure(0.8417, 0.8213, 0.8602, 850))
('84.2%', '84.2% (82.1 to 86.0)')
"""

from __future__ import annotations

from dataclasses import dataclass

MISSING = "–"
"""Stands where there is no figure."""


@dataclass(frozen=True)
class Figure:
    """A figure and how far it can be trusted.

    Attributes:
        value: the figure.
        low: lower end of its 95 % interval; None if there is none to be had.
        high: upper end.
        n: what it is taken over.
    """

    value: float
    low: float | None
    high: float | None
    n: int


def percent(share: float | None, *, decimals: int = 1) -> str:
    """Returns a share, 0..1, in per cent."""
    return MISSING if share is None else f"{share:.{decimals}%}"


def interval(figure: Figure) -> str:
    """Returns the interval of a share in per cent, without the sign; "" if there is none."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"


def with_interval(figure: Figure | None) -> str:
    """Returns a share with its interval."""
    if figure is None:
        return MISSING
    ends = interval(figure)
    return percent(figure.value) + (f" ({ends})" if ends else "")


def number(value: float | None) -> str:
    """Returns a number with three digits that count, and no more noughts than it needs."""
    if value is None:
        return MISSING
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def megabytes(size: int) -> str:
    """Returns bytes as megabytes of a million bytes."""
    return f"{size / 1e6:.2f} MB"
