"""The section on the phone: each variant's size, agreement, accuracy and reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.report.blocks import Block, Cell, Column, Items, Section, Table, Text
from components.report.wording import MISSING, megabytes, number, percent

KNOWN: dict[str, tuple[str, Callable[[Any], str]]] = {
    "bytes": ("Size", megabytes),
    "top1_agreement": ("As the server", percent),
    "top5_agreement": ("Top-5 as the server", percent),
    "variant_accuracy": ("Top-1", percent),
    "server_accuracy": ("Server's top-1", percent),
    "accuracy_drop": ("Drop", lambda drop: f"{100 * drop:+.1f} points"),
    "largest_score_error": ("Largest score error", number),
    "milliseconds_per_photo": ("ms a photo", number),
    "latency_p50_ms": ("p50, ms", number),
    "latency_p95_ms": ("p95, ms", number),
}
"""Figures of a variant that the page shows where the report has them: head and wording."""


def phone_section(report: Mapping[str, Any] | None) -> Section:
    """Returns the section.

    Args:
        report: content of `mobile_report.json`; None if there is none.
    """
    if report is None:
        return Section("phone", "The phone", [Text("There is no report on the phone's model.")])
    blocks: list[Block] = [_verdict(report), _variants(report), *_reasons(report["variants"])]
    blocks += _tables_of(report)
    return Section("phone", "The phone", blocks)


def _verdict(report: Mapping[str, Any]) -> Text:
    photos = max((entry["photos"] for entry in report["variants"].values()), default=0)
    on = f"compared with the server on {photos:,} photos of {report['split']}"
    if report["blessed"]:
        return Text(f"The bundle is blessed, {on}.", mark="good")
    return Text(f"The bundle is NOT blessed, {on}.", mark="bad")


def _variants(report: Mapping[str, Any]) -> Table:
    variants = report["variants"]
    used = [key for key in KNOWN if any(key in entry for entry in variants.values())]
    columns = [Column("Variant"), *(Column(KNOWN[key][0], numeric=True) for key in used)]
    columns += [Column("Passed")]
    rows = []
    for name, entry in variants.items():
        shown = f"{name} (default)" if name == report.get("default_variant") else name
        cells = [Cell(_worded(key, entry.get(key)), entry.get(key)) for key in used]
        passed = Cell("yes", mark="good") if entry["passed"] else Cell("no", mark="bad")
        rows.append([Cell(shown), *cells, passed])
    note = "Times are of the machine that compared, with one thread."
    return Table("Variants", columns, rows, note=note)


def _worded(key: str, value: Any) -> str:
    return MISSING if value is None else KNOWN[key][1](value)


def _reasons(variants: Mapping[str, Any]) -> Sequence[Block]:
    reasons = [
        f"{name}: {reason}" for name, entry in variants.items() for reason in entry["reasons"]
    ]
    return [Items(reasons)] if reasons else ()


def _tables_of(report: Mapping[str, Any]) -> list[Block]:
    """What else the report tells in rows: figures by name, of one kind each."""
    blocks: list[Block] = []
    for key, value in report.items():
        if key in ("variants", "settings") or not isinstance(value, Mapping) or not value:
            continue
        if not all(isinstance(entry, Mapping) for entry in value.values()):
            continue
        names = list(dict.fromkeys(inner for entry in value.values() for inner in entry))
        plain = [n for n in names if all(_is_plain(entry.get(n)) for entry in value.values())]
        columns = [Column("")] + [Column(_title(name), numeric=True) for name in plain]
        rows = [
            [Cell(str(row)), *(_plain_cell(entry.get(name)) for name in plain)]
            for row, entry in value.items()
        ]
        blocks.append(Table(_title(key), columns, rows))
    return blocks


def _title(key: str) -> str:
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _plain_cell(value: Any) -> Cell:
    if value is None:
        return Cell(MISSING)
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, int | float):
        return Cell(f"{value:.4g}", float(value))
    return Cell(str(value))
