"""Bars on slices, held against `metrics.parquet`.

Law: a bar on one slice is missed if and only if the figure that counts (the value, or an end of its
interval) is on the wrong side of it; a bar on every slice if more of them miss it than may. What
cannot be judged, because there is no such slice, is never taken for passed unless that was asked.

    bars = judge_slices(settings.bars, lambda family, metric: read_metric(tables, family, metric))
    [bar.words() for bar in bars if not bar.passed]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.taxon_evaluator.bars import Bar, SliceFigure, number
from components.taxon_evaluator.slice_bar import EVERY_SLICE, SliceBar
from schemas.counted import counted

MISSED_SLICES = "missed_slices"
"""What a bar on every slice counts."""

LISTED = 100
"""Slices that such a bar lists, those that miss it by most."""

_NAMED = 3
"""Slices that its words name."""

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class _Slices:
    """S slices of a family that have a metric, and how far each is from a bar.

    `counts` is the figure that is judged, NaN where there is no interval to take it from; `missed`
    whether it is on the wrong side, `by` how far, 0 and less where it is not.
    """

    names: npt.NDArray[np.object_]
    taxon_ids: npt.NDArray[np.int64]
    n: npt.NDArray[np.int64]
    value: Floats
    low: Floats
    high: Floats
    counts: Floats
    missed: npt.NDArray[np.bool_]
    by: Floats

    @classmethod
    def of(cls, bar: SliceBar, table: pa.Table) -> _Slices:
        taxon_ids, n, value, low, high = (
            table[name].to_numpy() for name in ("taxon_id", "n", "value", "low", "high")
        )
        names = np.array(table["slice"].to_pylist(), object)
        better, worse = (high, low) if bar.at_least is not None else (low, high)
        ends = {"value": value, "any_of_interval": better, "all_of_interval": worse}
        counts = ends[bar.passes_if]
        sign = 1 if bar.at_least is not None else -1
        by = sign * (bar.threshold - counts)
        # Where nothing is known of the interval, nothing is beyond chance and nothing is sure.
        missed = np.where(np.isnan(by), bar.passes_if == "all_of_interval", by > 0)
        return cls(names, taxon_ids, n, value, low, high, counts, missed, by)

    def __len__(self) -> int:
        return len(self.names)

    def figures(self, rows: Rows) -> tuple[SliceFigure, ...]:
        return tuple(
            SliceFigure(
                slice=str(self.names[row]),
                taxon_id=int(self.taxon_ids[row]),
                n=int(self.n[row]),
                value=float(self.value[row]),
                low=_known(self.low[row]),
                high=_known(self.high[row]),
                missed_by=_known(self.by[row]),
            )
            for row in rows
        )


def judge_slices(bars: Sequence[SliceBar], read: Callable[[str, str], pa.Table]) -> tuple[Bar, ...]:
    """Returns what becomes of each bar, in their order; several where a name is of several slices.

    Args:
        bars: the settings.
        read: family of slices, metric -> their rows of `metrics.parquet`.
    """
    judged = (
        _judge(f"bars[{place}]", bar, read(bar.family, bar.metric))
        for place, bar in enumerate(bars)
    )
    return tuple(chain.from_iterable(judged))


def _judge(setting: str, bar: SliceBar, table: pa.Table) -> list[Bar]:
    slices = _Slices.of(bar, table)
    asked = _asked(bar, slices)
    rows = asked[slices.n[asked] >= bar.min_photos]
    if not len(rows):
        return [_absent(setting, bar, slices, asked)]
    if bar.slice == EVERY_SLICE:
        return [_every(setting, bar, slices, rows)]
    return [_single(setting, bar, slices, row) for row in rows]


def _asked(bar: SliceBar, slices: _Slices) -> Rows:
    if bar.slice == EVERY_SLICE:
        return np.arange(len(slices))
    named = np.flatnonzero(slices.names == bar.slice)
    if not len(named) and bar.slice.isdecimal() and int(bar.slice) > 0:
        return np.flatnonzero(slices.taxon_ids == int(bar.slice))
    return named


def _single(setting: str, bar: SliceBar, slices: _Slices, row: np.intp) -> Bar:
    counts = _known(slices.counts[row])
    note = ""
    if bar.passes_if != "value":
        low, high = _known(slices.low[row]), _known(slices.high[row])
        interval = "no interval" if low is None else f"interval {number(low)} to {number(high)}"
        note = f"{interval}, and {bar.passes_if} must reach the bar"
    return Bar(
        setting=setting,
        slice=f"{slices.names[row]} of {bar.family} (n = {slices.n[row]:,})",
        metric=bar.metric,
        value=float(slices.value[row]),
        threshold=bar.threshold,
        at_least=bar.at_least is not None,
        passed=not slices.missed[row],
        note=note,
        counts=counts if bar.passes_if != "value" else None,
    )


def _every(setting: str, bar: SliceBar, slices: _Slices, rows: Rows) -> Bar:
    missed = rows[slices.missed[rows]]
    # By most first; what misses for want of an interval, last.
    missed = missed[np.argsort(-np.nan_to_num(slices.by[missed], nan=0.0), kind="stable")]
    worst = slices.figures(missed[:LISTED])
    return Bar(
        setting=setting,
        slice=f"{counted(len(rows), 'slice')} of {bar.family}{_of_at_least(bar)}",
        metric=MISSED_SLICES,
        value=len(missed),
        threshold=bar.max_missed,
        at_least=False,
        passed=len(missed) <= bar.max_missed,
        note=_worst(bar, worst, len(missed)),
        slices=worst,
    )


def _absent(setting: str, bar: SliceBar, slices: _Slices, asked: Rows) -> Bar:
    if len(asked):
        most = int(slices.n[asked].max())
        note = f"n is {most:,} at most, and the bar asks for {bar.min_photos:,}"
    elif len(slices):
        shown = ", ".join(map(str, slices.names[:5])) + (", ..." if len(slices) > 5 else "")
        note = f"there is no such slice; {bar.family} has {shown}"
    else:
        note = f"no slice of {bar.family} has {bar.metric}"
    name = "every slice" if bar.slice == EVERY_SLICE else bar.slice
    return Bar(
        setting=setting,
        slice=f"{name} of {bar.family}",
        metric=bar.metric,
        value=None,
        threshold=bar.threshold,
        at_least=bar.at_least is not None,
        passed=bar.if_absent == "pass",
        note=note,
    )


def _worst(bar: SliceBar, worst: Sequence[SliceFigure], missed: int) -> str:
    if not worst:
        return ""
    named = [figure.words() for figure in worst[:_NAMED]]
    if missed > _NAMED:
        named.append(f"and {missed - _NAMED:,} more")
    return f"{bar.metric} {bar.side} {number(bar.threshold)}{_beyond(bar)}: {', '.join(named)}"


def _beyond(bar: SliceBar) -> str:
    said = {"value": "", "any_of_interval": " beyond chance", "all_of_interval": ", perhaps"}
    return said[bar.passes_if]


def _of_at_least(bar: SliceBar) -> str:
    return f" with n of at least {bar.min_photos:,}" if bar.min_photos > 1 else ""


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
