"""The head of the page: blessed or not and why, where it was pushed, and the figures that count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.report.blocks import (
    Block,
    Cell,
    Column,
    Fact,
    Facts,
    Items,
    Section,
    Table,
    Text,
)
from components.report.sources import Push
from components.report.wording import Figure, interval, megabytes, number, percent


def verdict_section(
    verdict: Mapping[str, Any] | None,
    blessed: bool | None,
    overall: Mapping[str, Figure],
    phone: Mapping[str, Any] | None,
    pushes: Sequence[Push],
) -> Section:
    """Returns the section.

    Args:
        verdict: content of `verdict.json`; None if there is none.
        blessed: what the blessing says; None if there is none.
        overall: figures over all photos, by metric.
        phone: content of `mobile_report.json`; None if there is none.
        pushes: what was to be pushed.
    """
    if blessed is None and verdict is not None:
        blessed = verdict["blessed"]
    blocks: list[Block] = [_banner(blessed)]
    reasons = list(verdict["reasons"]) if verdict else []
    if reasons:
        blocks.append(Items(reasons))
    facts = [*_accuracy(overall), *_phone(phone)]
    if facts:
        blocks.append(Facts(facts))
    said = [f"The phone's bundle is {_blessed(phone)}."] if phone else []
    said += [_pushed(push) for push in pushes]
    said += [f"Compared {verdict['compared']}."] if verdict else []
    if said:
        blocks.append(Items(said))
    blocks += _bars(verdict) if verdict else []
    return Section("verdict", "The verdict", blocks)


def _banner(blessed: bool | None) -> Text:
    if blessed is None:
        return Text("The model was not judged.")
    if blessed:
        return Text("The model is blessed.", mark="good")
    return Text("The model is NOT blessed.", mark="bad")


def _accuracy(overall: Mapping[str, Figure]) -> list[Fact]:
    named = {
        "Top-1": "top1_accuracy",
        "Top-3": "top3_accuracy",
        "Top-5": "top5_accuracy",
        "Mean of the leaves": "macro_top1_accuracy",
    }
    facts = []
    for name, key in named.items():
        if key not in overall:
            continue
        figure = overall[key]
        unit = "leaves" if key.startswith("macro") else "photos"
        notes = filter(None, (interval(figure), f"{figure.n:,} {unit}"))
        facts.append(Fact(name, percent(figure.value), tuple(notes)))
    return facts


def _phone(report: Mapping[str, Any] | None) -> list[Fact]:
    if report is None:
        return []
    name = report.get("default_variant")
    entry = report["variants"].get(name)
    if entry is None:
        return []
    photos, variant = f"{entry['photos']:,} photos", str(name).replace("_", " ")
    return [
        Fact("Phone, top-1", percent(entry["variant_accuracy"]), (photos, _blessed(report))),
        Fact("Phone, size", megabytes(entry["bytes"]), (variant,)),
    ]


def _blessed(report: Mapping[str, Any]) -> str:
    return "blessed" if report["blessed"] else "NOT blessed"


def _pushed(push: Push) -> str:
    if push.place is None:
        return f"{push.what}: not pushed, for want of a blessing."
    return f"{push.what}: pushed to {push.place}."


def _outcome(bar: Mapping[str, Any]) -> Cell:
    if bar["passed"]:
        return Cell("passed", mark="good")
    missed_by = bar.get("missed_by")
    return Cell(f"missed by {number(missed_by)}" if missed_by else "missed", mark="bad")


def _bars(verdict: Mapping[str, Any]) -> list[Block]:
    bars = verdict.get("bars") or []
    if not bars:
        return []
    noted = any(bar.get("note") for bar in bars)
    rows = [
        [
            Cell(bar["setting"]),
            Cell(bar["slice"]),
            Cell(bar["metric"]),
            Cell(number(bar["value"]), bar["value"]),
            Cell(f"{'at least' if bar['at_least'] else 'at most'} {number(bar['threshold'])}"),
            _outcome(bar),
            *([Cell(bar.get("note") or "")] if noted else []),
        ]
        for bar in bars
    ]
    columns = [
        Column("Bar"),
        Column("Asked of"),
        Column("Figure"),
        Column("Value", numeric=True),
        Column("Asked", numeric=True),
        Column("Outcome"),
        *([Column("Note", wide=True)] if noted else []),
    ]
    return [Table("The bars", columns, rows)]
