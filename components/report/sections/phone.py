"""The section on the phone: each variant's size, agreement, accuracy, time and calibration; the
taxa that it breaks; and what other clients' preparation of a photo does to the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.report.blocks import Block, Cell, Column, Items, Section, Table, Text
from components.report.evaluation_tables import Slice
from components.report.sections.slices import slices_table
from components.report.wording import MISSING, Figure, megabytes, number, percent
from schemas.counted import counted

FIGURES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "bytes": ("Size", megabytes),
    "top1_agreement": ("As the server", percent),
    "top5_agreement": ("Server's in top-5", percent),
    "rollup_agreement": ("Rolled up alike", percent),
    "variant_accuracy": ("Top-1", percent),
    "accuracy_drop": ("Drop, points", lambda drop: f"{100 * drop:+.1f}"),
    "largest_score_error": ("Largest score error", number),
    "broken_taxa": ("Taxa broken", number),
    "latency_p50_ms": ("p50, ms", number),
}
"""Figures of a variant in the order of the page: head and wording. A variant that cannot be run has
its size alone."""

CALIBRATION: dict[str, tuple[str, Callable[[Any], str]]] = {
    "temperature": ("Temperature", number),
    "calibration_error": ("Error", percent),
    "network_calibration_error": ("Error, network's", percent),
    "calibrated_calibration_error": ("Error, own", percent),
    "log_loss": ("Log loss", "{:.4f}".format),
    "network_log_loss": ("Log loss, network's", "{:.4f}".format),
    "calibrated_log_loss": ("Log loss, own", "{:.4f}".format),
}
"""Figures of a variant that has a temperature of its own: head and wording."""

BROKEN_SHOWN = 10


def phone_section(report: Mapping[str, Any] | None) -> Section:
    """Returns the section.

    Args:
        report: content of `mobile_report.json`; None if there is none.
    """
    if report is None:
        return Section("phone", "The phone", [Text("There is no report on the phone's model.")])
    variants = report["variants"]
    blocks: list[Block] = [
        _verdict(report),
        *_reasons(report),
        _variants(report),
        *_latency(variants),
        *_calibration(report),
        *(_broken(name, entry) for name, entry in variants.items() if entry.get("worst_taxa")),
        *_visible(report),
        *_conventions(report.get("conventions") or {}),
    ]
    return Section("phone", "The phone", blocks)


def _verdict(report: Mapping[str, Any]) -> Text:
    photos = max((entry["photos"] for entry in report["variants"].values()), default=0)
    on = f"compared with the server on {counted(photos, 'photo')} of {report['split']}"
    if report["blessed"]:
        return Text(f"The bundle is blessed, {on}.", mark="good")
    return Text(f"The bundle is NOT blessed, {on}.", mark="bad")


def _reasons(report: Mapping[str, Any]) -> Sequence[Block]:
    said = [*report.get("reasons", [])]
    said += [report["default_reason"]] if report.get("default_reason") else []
    said += [
        f"{name}: {reason}"
        for name, entry in report["variants"].items()
        for reason in entry["reasons"]
    ]
    return [Items(said)] if said else ()


def _variants(report: Mapping[str, Any]) -> Table:
    variants = report["variants"]
    used = [
        key for key in FIGURES if any(entry.get(key) is not None for entry in variants.values())
    ]
    columns = [Column("Variant"), *(Column(FIGURES[key][0], numeric=True) for key in used)]
    columns += [Column("Passed")]
    rows = []
    for name, entry in variants.items():
        shown = f"{name} (default)" if name == report.get("default_variant") else name
        cells = [Cell(_worded(key, entry), entry.get(key)) for key in used]
        passed = Cell("yes", mark="good") if entry["passed"] else Cell("no", mark="bad")
        rows.append([Cell(shown), *cells, passed])
    server = next((e["server_accuracy"] for e in variants.values() if "server_accuracy" in e), None)
    note = f"The server's top-1 is {percent(server)}. In brackets the drop's 95 % interval, paired."
    return Table("Variants", columns, rows, note=note)


def _worded(key: str, entry: Mapping[str, Any]) -> str:
    if (value := entry.get(key)) is None:
        return MISSING
    worded = FIGURES[key][1](value)
    ends = entry.get(f"{key}_interval")
    return worded if ends is None else f"{worded} ({100 * ends[0]:+.1f} to {100 * ends[1]:+.1f})"


def _latency(variants: Mapping[str, Any]) -> Sequence[Block]:
    rows = [
        [
            Cell(name),
            Cell(threads),
            Cell(number(times["p50_ms"])),
            Cell(number(times["p95_ms"])),
            Cell(number(times.get("ratio_to_float32"))),
            Cell(number(times.get("p95_ratio_to_float32"))),
        ]
        for name, entry in variants.items()
        for threads, times in (entry.get("latency") or {}).items()
    ]
    if not rows:
        return ()
    heads = ("Threads", "p50, ms", "p95, ms", "p50 to float32's", "p95 to float32's")
    columns = [Column("Variant"), *(Column(head, numeric=True) for head in heads)]
    note = "Of the machine that compared: the ratio says more of a phone than the time."
    return [Table("Time of a photo", columns, rows, note=note)]


def _calibration(report: Mapping[str, Any]) -> Sequence[Block]:
    rows = [
        [Cell(name), *(Cell(worded(found[key])) for key, (_, worded) in CALIBRATION.items())]
        for name, entry in report["variants"].items()
        if (found := entry.get("calibration")) is not None
    ]
    if not rows:
        return ()
    columns = [Column("Variant"), *(Column(head, numeric=True) for head, _ in CALIBRATION.values())]
    network = report.get("temperature")
    kept = "keep the network's temperature" + (f", {number(network)}." if network else ".")
    note = (
        "As the scores are, by the network's temperature and by the variant's own, on the photos "
        f"that it was fitted on. The other variants {kept}"
    )
    return [Table("Calibration of the variants", columns, rows, note=note)]


def _broken(variant: str, entry: Mapping[str, Any]) -> Table:
    rows = [
        [
            Cell(taxon["name"]),
            Cell(f"{taxon['photos']:,}"),
            Cell(f"{taxon['server_right']:,}"),
            Cell(f"{taxon['variant_right']:,}", mark="bad"),
        ]
        for taxon in entry["worst_taxa"][:BROKEN_SHOWN]
    ]
    heads = ("Photos", "Server right", "Variant right")
    columns = [Column("Taxon"), *(Column(head, numeric=True) for head in heads)]
    more = entry["broken_taxa"] - len(rows)
    note = f"{more:,} more are in mobile_report.json." if more > 0 else ""
    return Table(f"Taxa that {variant} breaks, beyond chance", columns, rows, note=note)


def _visible(report: Mapping[str, Any]) -> Sequence[Block]:
    visible = report.get("visible_taxa")
    return [Text(visible["words"])] if visible else ()


def _conventions(conventions: Mapping[str, Any]) -> Sequence[Block]:
    slices = []
    for name, entry in conventions.items():
        low, high = entry["top1_interval"]
        words = f"{name}: {entry['words']}, as ours on {percent(entry['top1_agreement'])}"
        slices.append(Slice(words, Figure(entry["top1"], low, high, entry["photos"])))
    if not slices:
        return ()
    note = "The same model, each client preparing the photos in its own way."
    return [slices_table("Top-1 by client", slices, first="Client", note=note)]
