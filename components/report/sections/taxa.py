"""The section on taxa: the worst and the best, what is confused with what, and every leaf where
there are few enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.report.blocks import Block, Cell, Column, Section, Table, Text
from components.report.evaluation_tables import EvaluationTables, LeafFigures, Slice
from components.report.sections.slices import slices_table
from components.report.taxon_names import TaxonNames, rank_name
from components.report.wording import Figure, interval, percent
from components.taxon_evaluator.problem_taxa import worst_problems
from components.taxon_evaluator.tables.table_files import METRICS_FILE, PROBLEMS_FILE, TAXA_FILE
from schemas.counted import counted
from schemas.taxonomy import Taxonomy

MIN_PHOTOS = 5
"""A taxon with fewer is neither among the worst nor among the best."""

TAXA_SHOWN = 15
PAIRS_SHOWN = 20
PAIRS_READ = 500
PROBLEMS_SHOWN = 25
MOST_LEAVES = 2000
"""Up to so many leaves, the page lists them all."""


def taxa_section(tables: EvaluationTables | None, taxonomy: Taxonomy, where: str) -> Section:
    """Returns the section.

    Args:
        tables: of the evaluation; None if there is none.
        taxonomy: of the model.
        where: the tables lie, in words.
    """
    if tables is None:
        return Section("taxa", "Taxa", [Text("There is no evaluation.")])
    names, top1 = TaxonNames(taxonomy), tables.leaves("top1_accuracy")
    blocks: list[Block] = [
        *_problems(tables, taxonomy),
        *_extremes(top1, names),
        *_confusions(tables, names),
        *_all_taxa(tables, top1, taxonomy, names, where),
    ]
    return Section("taxa", "Taxa", blocks)


def _extremes(top1: LeafFigures, names: TaxonNames) -> list[Block]:
    enough = np.flatnonzero(top1.n >= MIN_PHOTOS)
    # Of few leaves, none shall be among the worst and among the best.
    shown = min(TAXA_SHOWN, max(1, len(enough) // 2))
    if not len(enough):
        return [Text(f"No leaf has {MIN_PHOTOS} photos in the evaluation.")]

    def table(caption: str, order: npt.NDArray[np.intp], note: str) -> Table:
        rows = enough[order][:shown]
        slices = [Slice(names.name(int(top1.taxon_ids[r])), top1.figure(int(r))) for r in rows]
        return slices_table(caption, slices, first="Leaf", note=note)

    ids, low, high = top1.taxon_ids[enough], top1.low[enough], top1.high[enough]
    least = f"Leaves with at least {MIN_PHOTOS} photos, by the"
    return [
        table("The worst leaves, top-1", np.lexsort((ids, high)), f"{least} upper end."),
        table("The best leaves, top-1", np.lexsort((ids, -low)), f"{least} lower end."),
    ]


def _confusions(tables: EvaluationTables, names: TaxonNames) -> list[Block]:
    pairs = strongest_pairs(tables.confusions(PAIRS_READ))[:PAIRS_SHOWN]
    if not pairs:
        return [Text("No leaf was taken for another.", mark="good")]
    rows = [
        [
            Cell(names.name(pair["taxon_id"])),
            Cell(names.name(pair["answer_taxon_id"])),
            Cell(_of(pair["count"], pair["n"]), pair["count"]),
            Cell(interval(Figure(pair["rate"], pair["low"], pair["high"], pair["n"]))),
            Cell(_of(pair["reverse_count"], pair["reverse_n"]), pair["reverse_count"]),
            Cell(rank_name(pair["common_rank_level"])),
            Cell(", ".join(map(str, pair["photo_ids"][:3]))),
        ]
        for pair in pairs
    ]
    columns = [
        Column("Leaf"),
        Column("taken for"),
        Column("Photos", numeric=True),
        Column("95 % interval", numeric=True),
        Column("The other way", numeric=True),
        Column("Rank shared"),
        Column("Photo ids"),
    ]
    note = "Photo ids are of the most confident errors: where a label is wrong, it is among them."
    return [Table("The strongest confusions", columns, rows, note=note)]


def strongest_pairs(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns each pair once, in its more frequent direction; most photos of both ways first.

    Args:
        rows: of `confusions.parquet`.
    """
    kept: dict[frozenset[int], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: -row["count"]):
        kept.setdefault(frozenset((row["taxon_id"], row["answer_taxon_id"])), row)
    return sorted(kept.values(), key=lambda row: -(row["count"] + row["reverse_count"]))


def _of(count: int, n: int) -> str:
    return f"{count:,} of {n:,}" + (f" ({count / n:.0%})" if n else "")


def _problems(tables: EvaluationTables, taxonomy: Taxonomy) -> list[Block]:
    if not tables.has(PROBLEMS_FILE):
        return []
    problems = worst_problems(tables.directory, taxonomy, count=PROBLEMS_SHOWN)
    if not problems:
        return []
    rows = [
        [
            Cell(problem.name),
            Cell(_of(problem.errors, problem.n), problem.errors),
            _count(problem.observations),
            Cell(f"{problem.sure_gain:,.0f}", problem.sure_gain),
            Cell("; ".join(problem.reasons)),
        ]
        for problem in problems
    ]
    columns = [
        Column("Leaf"),
        Column("Wrong", numeric=True),
        Column("Observations", numeric=True),
        Column("Sure gain", numeric=True),
        Column("What the figures say", wide=True),
    ]
    note = (
        "Sure gain: wrong answers that would go if the leaf were always right, asked as often as "
        "it is observed; by the lower end of its error rate."
    )
    return [Table("Problem taxa, those with most to gain first", columns, rows, note=note)]


def _all_taxa(
    tables: EvaluationTables,
    top1: LeafFigures,
    taxonomy: Taxonomy,
    names: TaxonNames,
    where: str,
) -> list[Block]:
    if taxonomy.num_leaves > MOST_LEAVES:
        return [
            Text(
                f"The figures of all {counted(taxonomy.num_leaves, 'leaf', 'leaves')} and of the "
                f"taxa above them are too many for a page: they are in {where}/{METRICS_FILE}."
            )
        ]
    top5, precision, f1 = (
        tables.leaves(metric).by_taxon() for metric in ("top5_accuracy", "precision", "f1")
    )
    trained = {
        row["taxon_id"]: row["train_photos"]
        for row in tables.rows(TAXA_FILE, len(taxonomy), ["taxon_id", "train_photos"])
    }
    taken_for = tables.taken_for()
    rows = []
    for row in np.argsort(top1.value, kind="stable").tolist():
        taxon, figure = int(top1.taxon_ids[row]), top1.figure(row)
        answer, photos = taken_for.get(taxon, (0, 0))
        rows.append(
            [
                Cell(names.name(taxon)),
                Cell(names.iconic(taxon)),
                _count(trained.get(taxon, 0)),
                _count(figure.n),
                Cell(percent(figure.value), figure.value),
                Cell(interval(figure), figure.low),
                *(_share(metric.get(taxon)) for metric in (top5, precision, f1)),
                Cell(f"{names.name(answer)} ({photos:,})" if photos else "", photos),
            ]
        )
    heads = ("Trained on", "Photos", "Top-1", "95 % interval", "Top-5", "Precision", "F1")
    columns = [Column("Leaf"), Column("Iconic taxon")]
    columns += [Column(head, numeric=True) for head in heads]
    columns += [Column("Most often taken for (photos)", wide=True)]
    unseen = taxonomy.num_leaves - len(rows)
    note = f"{counted(unseen, 'leaf', 'leaves')} had no photo in the evaluation." if unseen else ""
    return [Table("Every leaf", columns, rows, sortable=True, note=note)]


def _count(value: int) -> Cell:
    return Cell(f"{value:,}", value)


def _share(value: float | None) -> Cell:
    return Cell(percent(value), value if value is not None else -1.0)
