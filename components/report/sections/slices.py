"""Slices as rows: name, photos, figure, and the figure's interval on a scale that they share."""

from __future__ import annotations

from collections.abc import Sequence

from components.report.blocks import Cell, Column, Table
from components.report.charts.axis import share_axis
from components.report.charts.whisker import scale, whisker
from components.report.evaluation_tables import Slice
from components.report.wording import Figure, with_interval


def slices_table(
    caption: str, slices: Sequence[Slice], *, first: str, over: str = "Photos", note: str = ""
) -> Table:
    """Returns a table of shares with dot and whisker.

    Args:
        caption: what it shows.
        slices: its rows, in order.
        first: head of the names.
        over: head of the numbers that the shares are taken over.
        note: below.
    """
    ends = [end for each in slices for end in _ends(each.figure)]
    axis = share_axis(ends)
    columns = [
        Column(first),
        Column(over, numeric=True),
        Column("Share (95 % interval)", numeric=True),
        Column("", drawing=scale(axis)),
    ]
    rows = [
        [
            Cell(each.name),
            Cell(f"{each.figure.n:,}", each.figure.n),
            Cell(with_interval(each.figure), each.figure.value),
            Cell("", drawing=whisker(each.figure, axis)),
        ]
        for each in slices
    ]
    return Table(caption, columns, rows, note=note)


def _ends(figure: Figure) -> list[float]:
    ends = (figure.low, figure.value, figure.high)
    return [end for end in ends if end is not None]
