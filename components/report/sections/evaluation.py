"""The section on the evaluation: how good the model is, at which rank, and on which slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.report.blocks import (
    Block,
    Cell,
    Chart,
    Charts,
    Column,
    Heading,
    Section,
    Table,
    Text,
)
from components.report.charts.reliability import reliability_diagram
from components.report.evaluation_tables import EvaluationTables, Slice
from components.report.sections.comparison import comparison_blocks
from components.report.sections.slices import slices_table
from components.report.wording import Figure, number, with_interval

SLICES_SHOWN = 12
TOP1 = "top1_accuracy"

RANKS = ("species", "genus", "family", "order", "class", "iconic")

FAMILIES = {
    "iconic": "Iconic taxon",
    "family": "Family",
    "train_photos": "Photos of the leaf in training",
    "observer": "Observer",
    "year": "Year of the observation",
    "license": "Licence",
    "cell": "Cell of the globe",
}
"""Families of slices that the page shows, in order, with the head of their names."""

ALONG_A_SCALE = ("train_photos", "year")
"""Families whose slices stand in their own order, and not the worst first."""

ANSWERS = {
    "default": "default: genus up to superfamily",
    "default_at_genus": "… of them at genus",
    "default_at_tribe": "… between genus and family",
    "default_at_family": "… at family",
    "default_at_superfamily": "… up to superfamily",
    "major_ranks": "major ranks only",
    "unrestricted": "any rank from genus up",
}


def evaluation_section(
    tables: EvaluationTables | None, verdict: Mapping[str, Any] | None
) -> Section:
    """Returns the section.

    Args:
        tables: of the evaluation; None if there is none.
        verdict: content of `verdict.json`.
    """
    if tables is None:
        return Section("evaluation", "Evaluation", [Text("There is no evaluation.")])
    overall = tables.overall
    blocks: list[Block] = [
        _figures(overall),
        _by_rank(overall),
        *_reliability(tables),
        *_by_slice(tables),
        *_common_ancestor(overall),
        *comparison_blocks(verdict),
    ]
    return Section("evaluation", "Evaluation", blocks)


def _figures(overall: Mapping[str, Figure]) -> Table:
    shares = {
        "Top-1": "top1_accuracy",
        "Top-3": "top3_accuracy",
        "Top-5": "top5_accuracy",
        "Top-10": "top10_accuracy",
        "Mean top-1 of the leaves": "macro_top1_accuracy",
        "Mean precision of the leaves": "macro_precision",
        "Mean F1 of the leaves": "macro_f1",
        "Mean confidence": "mean_confidence",
        "Mean confidence, calibrated": "calibrated_mean_confidence",
        "Calibration error": "calibration_error",
        "Calibration error, calibrated": "calibrated_calibration_error",
    }
    numbers = {
        "Log loss": "log_loss",
        "Log loss, calibrated": "calibrated_log_loss",
        "Rank level of an error's common ancestor": "error_distance",
    }
    rows = [
        [Cell(name), Cell(f"{overall[key].n:,}"), Cell(with_interval(overall[key]))]
        for name, key in shares.items()
        if key in overall
    ]
    rows += [
        [Cell(name), Cell(f"{overall[key].n:,}"), Cell(_number_with_interval(overall[key]))]
        for name, key in numbers.items()
        if key in overall
    ]
    return Table(
        "All photos",
        [
            Column("Figure"),
            Column("Over", numeric=True),
            Column("Value (95 % interval)", numeric=True),
        ],
        rows,
        note="“Over” counts photos, of means of leaves the leaves, of an error's rank the errors.",
    )


def _number_with_interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return number(figure.value)
    return f"{number(figure.value)} ({number(figure.low)} to {number(figure.high)})"


def _by_rank(overall: Mapping[str, Figure]) -> Table:
    slices = [Slice("leaf", overall[TOP1])] if TOP1 in overall else []
    slices += [
        Slice(rank, overall[f"{rank}_accuracy"]) for rank in RANKS if f"{rank}_accuracy" in overall
    ]
    return slices_table(
        "Right at each rank, answers rolled up",
        slices,
        first="Rank",
        note="Photos whose leaf has no taxon of a rank are not counted there.",
    )


def _reliability(tables: EvaluationTables) -> Sequence[Block]:
    bins = tables.reliability()
    if not bins:
        return ()
    caption = (
        "Reliability: of answers of a confidence, the share that is right. Below the diagonal the "
        "model says too much. Grey: how many photos."
    )
    return [Charts([Chart(reliability_diagram(bins), caption)])]


def _by_slice(tables: EvaluationTables) -> list[Block]:
    blocks: list[Block] = []
    for family, title in FAMILIES.items():
        slices = [each for each in tables.slices(family, TOP1) if each.figure.n]
        if len(slices) < 2:
            continue
        shown = sorted(slices, key=lambda each: -each.figure.n)[:SLICES_SHOWN]
        kept = {each.name for each in shown}
        if family in ALONG_A_SCALE:
            shown = [each for each in slices if each.name in kept]
        else:
            shown = sorted(shown, key=lambda each: each.figure.value)
        more = len(slices) - len(shown)
        note = f"The {len(shown)} with the most photos, of {len(slices):,}." if more else ""
        blocks.append(slices_table(f"Top-1 by {_lower(title)}", shown, first=title, note=note))
    return [Heading("By slice"), *blocks] if blocks else []


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _common_ancestor(overall: Mapping[str, Figure]) -> Sequence[Block]:
    rows = []
    for ending, words in ANSWERS.items():
        share = overall.get(f"common_ancestor_share_{ending}")
        if share is None:
            continue
        right = overall.get(f"common_ancestor_accuracy_{ending}")
        rows.append([Cell(words), Cell(with_interval(share)), Cell(with_interval(right))])
    if not rows:
        return ()
    columns = [
        Column("Rule"),
        Column("Answers", numeric=True),
        Column("Right, of its answers", numeric=True),
    ]
    note = "iNaturalist's rule: the lowest taxon that holds more than 78 % of the best scores."
    return [Table("Common ancestor", columns, rows, note=note)]
