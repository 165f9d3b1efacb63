"""The evaluation's tables, as far as a page shows them: nothing as long as the metrics' table is
held, and of a leaf only what is asked for.

    tables = EvaluationTables(evaluation_dir)
    tables.overall["top1_accuracy"].value, tables.slices("iconic", "top1_accuracy")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.report.charts.reliability import Bin
from components.report.wording import Figure
from components.taxon_evaluator.tables.leaf_groups import LEAF, OVERALL
from components.taxon_evaluator.tables.table_files import (
    CONFUSIONS_FILE,
    METRICS_FILE,
    RELIABILITY_FILE,
    TABLES_DIRECTORY,
    read_metric,
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Slice:
    """A slice with one of its figures.

    Attributes:
        name: of the slice.
        figure: of it.
    """

    name: str
    figure: Figure


@dataclass(frozen=True, eq=False)
class LeafFigures:
    """One metric of L leaves.

    Attributes:
        taxon_ids: int64 [L].
        n: int64 [L], what each is taken over.
        value: float64 [L].
        low: float64 [L], NaN without an interval.
        high: float64 [L].
    """

    taxon_ids: npt.NDArray[np.int64]
    n: npt.NDArray[np.int64]
    value: Floats
    low: Floats
    high: Floats

    def figure(self, row: int) -> Figure:
        """Returns one of them."""
        low, high = float(self.low[row]), float(self.high[row])
        known = low == low and high == high
        return Figure(
            float(self.value[row]),
            low if known else None,
            high if known else None,
            int(self.n[row]),
        )

    def by_taxon(self) -> dict[int, float]:
        """Returns the values by taxon id."""
        return dict(zip(self.taxon_ids.tolist(), self.value.tolist(), strict=True))


class EvaluationTables:
    """The tables of an `evaluation` artifact.

    Args:
        evaluation_dir: of the artifact.
    """

    def __init__(self, evaluation_dir: Path) -> None:
        self.directory = evaluation_dir / TABLES_DIRECTORY

    @cached_property
    def overall(self) -> dict[str, Figure]:
        """Figures over all photos, by metric."""
        table = pq.read_table(self.directory / METRICS_FILE, filters=pc.field("family") == OVERALL)
        return {row["metric"]: _figure(row) for row in table.to_pylist()}

    def slices(self, family: str, metric: str) -> list[Slice]:
        """Returns a metric of every slice of a family, in the order of the file."""
        rows = read_metric(self.directory, family, metric).to_pylist()
        return [Slice(row["slice"], _figure(row)) for row in rows]

    def leaves(self, metric: str) -> LeafFigures:
        """Returns a metric of every leaf that has it."""
        table = read_metric(self.directory, LEAF, metric)
        low, high = (
            table[name].cast(pa.float64()).fill_null(float("nan")) for name in ("low", "high")
        )
        return LeafFigures(
            table["taxon_id"].to_numpy(),
            table["n"].to_numpy(),
            table["value"].to_numpy(),
            low.to_numpy(),
            high.to_numpy(),
        )

    def reliability(self) -> list[Bin]:
        """Returns the bins of confidence over all photos, rising."""
        table = pq.read_table(
            self.directory / RELIABILITY_FILE, filters=pc.field("family") == OVERALL
        )
        return sorted(
            (
                Bin(
                    row["above"],
                    row["up_to"],
                    row["n"],
                    row["mean_confidence"],
                    row["accuracy"],
                    row["low"],
                    row["high"],
                )
                for row in table.to_pylist()
            ),
            key=lambda each: each.above,
        )

    def confusions(self, count: int) -> list[dict[str, Any]]:
        """Returns the most frequent confused pairs, at most so many, as rows of the file."""
        return self.rows(CONFUSIONS_FILE, count)

    def taken_for(self) -> dict[int, tuple[int, int]]:
        """Returns what each leaf was taken for most often, by taxon id: (taxon id, photos)."""
        columns = ["taxon_id", "answer_taxon_id", "count"]
        table = pq.read_table(self.directory / CONFUSIONS_FILE, columns=columns)
        found: dict[int, tuple[int, int]] = {}
        for taxon, answer, photos in zip(*(table[c].to_pylist() for c in columns), strict=True):
            found.setdefault(taxon, (answer, photos))
        return found

    def has(self, name: str) -> bool:
        """Returns whether there is such a file; earlier evaluations had fewer."""
        return (self.directory / name).is_file()

    def rows(
        self, name: str, count: int, columns: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """Returns the first rows of a file; no more of it is held.

        Args:
            name: of the file.
            count: rows at most.
            columns: wanted; all for None.
        """
        file = pq.ParquetFile(self.directory / name)
        batches = file.iter_batches(batch_size=count, columns=columns and list(columns))
        first = next(batches, None)
        return [] if first is None else list(first.to_pylist())


def _figure(row: dict[str, Any]) -> Figure:
    return Figure(row["value"], row["low"], row["high"], row["n"])
