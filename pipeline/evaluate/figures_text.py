"""The tables of an evaluation as lines for a terminal: what a person wants to know first.

Works on the files alone, so that any directory of tables can be shown.

    print("\\n".join(figure_lines(Path("evaluation"), min_photos=10)))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.taxon_evaluator.tables.leaf_groups import LEAF, OVERALL
from components.taxon_evaluator.tables.photo_columns import TOP_KS
from components.taxon_evaluator.tables.table_files import (
    CONFUSIONS_FILE,
    METRICS_FILE,
    TAXA_FILE,
    read_metric,
)

WORST_SHOWN = 10
CONFUSIONS_SHOWN = 10

NAME_WIDTH = 17
"""Characters that the names of figures take."""

_HEADLINES = (
    *((f"top{k}_accuracy", f"top-{k}") for k in TOP_KS),
    ("macro_top1_accuracy", "macro top-1"),
    ("macro_f1", "macro F1"),
)
_ENDING = "_accuracy"


@dataclass(frozen=True)
class Row:
    """A value with its interval; ends are None where there is none."""

    n: int
    value: float
    low: float | None
    high: float | None

    def share(self) -> str:
        """Returns "83.3% (80.1 to 86.0)"."""
        if self.low is None or self.high is None:
            return f"{self.value:.1%}"
        return f"{self.value:.1%} ({100 * self.low:.1f} to {100 * self.high:.1f})"


def figure_lines(directory: Path, *, min_photos: int) -> list[str]:
    """Returns the figures for people.

    Args:
        directory: of the tables.
        min_photos: taxa with fewer are not among the worst.
    """
    overall = _overall(directory)
    return [
        *_headlines(overall),
        *_ranks(overall),
        *_answers(overall),
        *_calibration(overall),
        *_worst(directory, min_photos),
        *_confusions(directory),
    ]


def _overall(directory: Path) -> dict[str, Row]:
    rows = pq.read_table(directory / METRICS_FILE, filters=pc.field("family") == OVERALL)
    return {row["metric"]: _row(row) for row in rows.to_pylist()}


def _row(cells: dict[str, Any]) -> Row:
    return Row(cells["n"], cells["value"], cells["low"], cells["high"])


def _headlines(overall: dict[str, Row]) -> Iterator[str]:
    for metric, name in _HEADLINES:
        row = overall[metric]
        over = "taxa" if name.startswith("macro") else "photos"
        yield f"{name:<{NAME_WIDTH}}{row.share()} of {row.n:,} {over}"


def _ranks(overall: dict[str, Row]) -> Iterator[str]:
    """Accuracy at each rank, from the lowest: where the answer is rolled up to it."""
    known = {f"{name}{_ENDING}" for name in ("genus", "family", "order", "class", "species")}
    for metric, row in overall.items():
        if metric in known or metric == f"iconic{_ENDING}":
            name = metric.removesuffix(_ENDING)
            yield f"{name:<{NAME_WIDTH}}{row.share()} of {row.n:,} photos"


def _answers(overall: dict[str, Row]) -> Iterator[str]:
    share = overall["common_ancestor_share_default"]
    text = f"answers {share.share()} of photos"
    if right := overall.get("common_ancestor_accuracy_default"):
        text += f", right in {right.share()}"
    yield f"{'common ancestor':<{NAME_WIDTH}}{text}"


def _calibration(overall: dict[str, Row]) -> Iterator[str]:
    error, confidence = overall["calibration_error"], overall["mean_confidence"]
    yield (
        f"{'calibration':<{NAME_WIDTH}}error {error.value:.4f}, mean confidence "
        f"{confidence.value:.1%}, log loss {overall['log_loss'].value:.4f}"
    )


def _worst(directory: Path, min_photos: int) -> Iterator[str]:
    rows = read_metric(directory, LEAF, "top1_accuracy").to_pylist()
    enough = [row for row in rows if row["n"] >= min_photos and row["value"] < 1]
    # Those that are surely bad before those that only may be.
    worst = sorted(enough, key=lambda row: (row["high"], row["value"], row["slice"]))
    many = sum(row["n"] >= min_photos for row in rows)
    yield ""
    if not worst:
        why = "each was named right" if many else "no taxon has so many"
        yield f"Worst taxa of at least {min_photos} photos: none, {why}"
        return
    yield f"Worst taxa, of {many:,} with at least {min_photos} photos (top-1):"
    width = max(len(row["slice"]) for row in worst[:WORST_SHOWN])
    for row in worst[:WORST_SHOWN]:
        yield f"  {row['slice']:<{width}}  {_row(row).share()} of {row['n']:,}"


def _confusions(directory: Path) -> Iterator[str]:
    pairs = pq.read_table(directory / CONFUSIONS_FILE).slice(0, CONFUSIONS_SHOWN).to_pylist()
    if not pairs:
        return
    taxa = pq.read_table(directory / TAXA_FILE, columns=["taxon_id", "name"])
    names = dict(zip(taxa["taxon_id"].to_pylist(), taxa["name"].to_pylist(), strict=True))
    yield ""
    yield "Strongest confusions:"
    for pair in pairs:
        yield (
            f"  {pair['count']:,} of {pair['n']:,} {names[pair['taxon_id']]} taken for "
            f"{names[pair['answer_taxon_id']]} ({pair['reverse_count']:,} of "
            f"{pair['reverse_n']:,} the other way)"
        )
