"""An axis: the range that a chart shows, and round numbers to read it by.

The law: every value given lies on the axis, ticks lie on it, rise, and are 1, 2 or 5 times a power
of ten apart (but for counts, which are whole).

    >>> axis = linear_axis([0.31, 0.84], from_zero=False)
    >>> axis.ticks
    (0.4, 0.6, 0.8)
    >>> axis.place(axis.high)
    1.0
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MOST_TICKS = 6

_INDISTINCT = 1e-9
"""A range that is this share of its ends cannot be labelled: it is shown as one value."""

_SMALLEST = 1e-300
"""Below it, floating-point numbers have no digits left to mark."""


@dataclass(frozen=True)
class Axis:
    """A linear axis.

    Attributes:
        low: value at its beginning.
        high: value at its end, above `low`.
        ticks: values to mark.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Returns where a value lies, 0 at the beginning and 1 at the end."""
        return (value - self.low) / (self.high - self.low)


def linear_axis(values: Iterable[float], *, from_zero: bool = True) -> Axis:
    """Returns an axis that holds all values; those that are no numbers do not count.

    Args:
        values: to be shown; none give an axis from 0 to 1.
        from_zero: whether it must hold 0, too.
    """
    finite = [value for value in values if math.isfinite(value)]
    if from_zero or not finite:
        finite.append(0.0)
    low, high = min(finite), max(finite)
    if high - low <= max(_INDISTINCT * max(abs(low), abs(high)), _SMALLEST):
        high = low + (abs(low) / 2 or 1.0)
    step = _round_step((high - low) / (MOST_TICKS - 1))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = tuple(float(f"{number * step:.12g}") for number in range(first, last + 1))
    return Axis(low, high, ticks)


def share_axis(values: Iterable[float]) -> Axis:
    """Returns an axis of shares: the part of 0..1 that holds all values, between round ends."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low = max(0.0, math.floor(min(finite) * 10 + 1e-9) / 10)
    high = min(1.0, math.ceil(max(finite) * 10 - 1e-9) / 10)
    if high <= low:
        low, high = (low, low + 0.1) if low < 1 else (0.9, 1.0)
    step = 0.2 if high - low > 0.35 else 0.1
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return Axis(low, high, tuple(round(n * step, 12) for n in range(first, last + 1)))


def whole_percent(share: float) -> str:
    """Returns the label of a share, 0..1, in whole per cent."""
    return f"{share:.0%}"


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(
        times * power for times in (1.0, 2.0, 5.0, 10.0) if times * power >= rough * (1 - 1e-9)
    )
