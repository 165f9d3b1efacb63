"""The section on the data: what the export held, what was set aside, and how long its tail is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.report.blocks import Block, Cell, Chart, Charts, Column, Section, Table, Text
from components.report.charts.bars import bar_chart
from components.report.photo_counts import PhotoCounts, count_photos, histogram
from components.report.set_aside_counts import count_reasons
from components.report.sources import Sources, read_json
from components.report.wording import percent
from schemas.counted import counted
from schemas.taxonomy import Taxonomy

REASONS_SHOWN = 12
LICENCES_SHOWN = 20
VERDICT_FILE = "verdict.json"


def data_section(sources: Sources, taxonomy: Taxonomy) -> Section:
    """Returns the section."""
    counts = count_photos(sources.photo_index, taxonomy)
    blocks: list[Block] = [_splits(counts, taxonomy), *_tail(counts, taxonomy)]
    if sources.set_aside is not None:
        blocks.append(_set_aside(sources.set_aside, sum(counts.photos.values())))
    blocks += _near_duplicates(read_json(sources.near_duplicates, VERDICT_FILE))
    blocks += _anomalies(read_json(sources.gate, VERDICT_FILE))
    blocks.append(_licences(counts))
    return Section("data", "The data", blocks)


def _splits(counts: PhotoCounts, taxonomy: Taxonomy) -> Table:
    photos, leaves = counts.photos, counts.leaves
    rows = []
    for split, of_split in photos.items():
        median = sorted(counts.per_leaf[split].tolist())[taxonomy.num_leaves // 2]
        rows.append(
            [
                Cell(split),
                _count(of_split),
                Cell(f"{leaves[split]:,} of {taxonomy.num_leaves:,}", leaves[split]),
                _count(median),
                _count(int(counts.per_leaf[split].max(initial=0))),
            ]
        )
    return Table(
        f"{counted(sum(photos.values()), 'photo')} of "
        f"{counted(taxonomy.num_leaves, 'leaf', 'leaves')} "
        f"({counted(len(taxonomy), 'taxon', 'taxa')} with those above them)",
        _columns("Split", "Photos", "Leaves with photos", "Median of a leaf", "Most of a leaf"),
        rows,
    )


def _tail(counts: PhotoCounts, taxonomy: Taxonomy) -> list[Block]:
    train = next(iter(counts.per_leaf), None)
    if train is None:
        return [Text("The photo index holds no photo.", mark="bad")]
    per_leaf = counts.per_leaf[train]
    svg = bar_chart(
        f"Photos of a leaf in {train}",
        histogram(per_leaf),
        x_name="photos of the leaf",
        y_name="leaves",
    )
    richest = sorted(per_leaf.tolist(), reverse=True)[: max(1, taxonomy.num_leaves // 10)]
    share = sum(richest) / max(int(per_leaf.sum()), 1)
    caption = (
        f"The long tail: the tenth of the leaves with the most photos has {percent(share)} "
        f"of the photos in {train}."
    )
    return [Charts([Chart(svg, caption)])]


def _set_aside(directory: Path, kept: int) -> Block:
    reasons = count_reasons(directory)
    if not reasons:
        return Text("No photo was set aside.")
    rows = [
        [Cell(reason.words), Cell(reason.kind), Cell(reason.file), _count(photos)]
        for reason, photos in reasons.most_common(REASONS_SHOWN)
    ]
    more = len(reasons) - len(rows)
    return Table(
        f"{counted(reasons.total(), 'photo')} set aside "
        f"({percent(reasons.total() / (reasons.total() + kept), decimals=2)} of the export)",
        [
            Column("Reason", wide=True),
            Column("Kind"),
            Column("File"),
            Column("Photos", numeric=True),
        ],
        rows,
        note="N stands for any number."
        + (f" {more:,} rarer reasons are in set_aside.csv." if more > 0 else ""),
    )


def _near_duplicates(verdict: dict[str, Any] | None) -> Sequence[Block]:
    if verdict is None:
        return ()
    said = [
        f"{percent(counts['share'], decimals=2)} of {split}"
        for split, counts in verdict["splits"].items()
    ]
    if not said:
        return ()
    return [Text(f"The same photo, or nearly the same, is in train, too: {', '.join(said)}.")]


def _anomalies(verdict: dict[str, Any] | None) -> Sequence[Block]:
    if verdict is None:
        return ()
    found = verdict["anomalies"]
    if not found:
        return [Text("No anomaly was found in the records.")]
    return [
        Table(
            f"{len(found):,} anomalies in the records",
            [Column("Anomaly")],
            [[Cell(anomaly, mark="bad")] for anomaly in found[:REASONS_SHOWN]],
        )
    ]


def _licences(counts: PhotoCounts) -> Table:
    splits = list(counts.per_leaf)
    ordered = sorted(counts.licences.items(), key=lambda item: (-item[1].total(), item[0]))
    rows = [
        [Cell(licence), *(_count(by_split[split]) for split in splits)]
        for licence, by_split in ordered[:LICENCES_SHOWN]
    ]
    return Table("Photos by licence", _columns("Licence", *splits), rows)


def _count(number: int) -> Cell:
    return Cell(f"{number:,}", number)


def _columns(first: str, *numeric: str) -> list[Column]:
    return [Column(first), *(Column(name, numeric=True) for name in numeric)]
