"""A model beside the last blessed one: how many photos each got right, and which taxa fell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.report.blocks import Block, Cell, Column, Heading, Table, Text
from components.report.wording import MISSING, Figure, percent
from schemas.counted import counted

FALLEN_SHOWN = 12


def comparison_blocks(verdict: Mapping[str, Any] | None) -> list[Block]:
    """Returns what the comparison came to; nothing for a first model.

    Args:
        verdict: content of `verdict.json`; None if there is none.
    """
    comparison = verdict.get("comparison") if verdict else None
    if not comparison:
        return []
    compared = [
        ("both", "both"),
        ("only this model", "only_candidate"),
        ("only the last blessed one", "only_baseline"),
        ("neither", "neither"),
    ]
    photos = comparison["photos"]
    rows = [
        [
            Cell(words),
            Cell(f"{comparison[key]:,}"),
            Cell(percent(comparison[key] / photos if photos else None)),
        ]
        for words, key in compared
    ]
    columns = [Column("Right"), Column("Photos", numeric=True), Column("Share", numeric=True)]
    leaves = comparison["shared_leaves"]
    change = Figure(comparison["change"], comparison["low"], comparison["high"], photos)
    words = (
        f"On {counted(photos, 'photo')} of {counted(leaves, 'leaf', 'leaves')} that both models "
        f"know, top-1 changed by {_points(change.value)} percentage points "
        f"({_points(change.low)} to {_points(change.high)}; "
        f"McNemar's p = {comparison['p_value']:.2g})."
    )
    return [
        Heading("Against the last blessed model"),
        Text(words),
        Table("The same photos, both models", columns, rows),
        *_fallen(comparison["fallen"]),
    ]


def _points(change: float | None) -> str:
    return MISSING if change is None else f"{100 * change:+.1f}"


def _fallen(fallen: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not fallen:
        return [Text("No taxon fell beyond what chance explains.")]
    rows = [
        [
            Cell(taxon["name"]),
            Cell(f"{taxon['n']:,}"),
            Cell(_points(taxon["change"]), mark="bad"),
            Cell(f"{taxon['adjusted_p_value']:.2g}"),
        ]
        for taxon in fallen[:FALLEN_SHOWN]
    ]
    columns = [
        Column("Taxon"),
        Column("Photos", numeric=True),
        Column("Change, points", numeric=True),
        Column("p, adjusted", numeric=True),
    ]
    more = len(fallen) - len(rows)
    note = f"{more:,} more are in verdict.json." if more else ""
    return [
        Table(
            f"{counted(len(fallen), 'taxon', 'taxa')} fell beyond chance", columns, rows, note=note
        )
    ]
