"""The taxa with most to gain, in words: for the summary of a run and `verdict.json`.

problems = worst_problems(tables_directory, taxonomy)
problems[0].words()
# "Strix varia: 14 of 20 photos wrong, 310 observations: 12 of the errors are Strix aluco, ..."
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from components.taxon_evaluator.tables.table_files import PROBLEMS_FILE
from schemas.counted import counted
from schemas.taxonomy import Taxonomy

SHOWN = 5
"""Taxa that a summary shows."""

_IDS_NAMED = 3


@dataclass(frozen=True)
class ProblemTaxon:
    """A leaf that the model is often wrong on.

    Attributes:
        taxon_id: of the leaf.
        name: scientific.
        n: photos evaluated.
        errors: of them wrong.
        observations: of the leaf in the export.
        sure_gain: lower end of the error rate, times observations.
        diagnoses: names (see `tables.problems`).
        reasons: the diagnoses with their figures, in words.
    """

    taxon_id: int
    name: str
    n: int
    errors: int
    observations: int
    sure_gain: float
    diagnoses: tuple[str, ...]
    reasons: tuple[str, ...]

    def words(self) -> str:
        """Returns the taxon as a line."""
        text = (
            f"{self.name}: {self.errors:,} of {counted(self.n, 'photo')} wrong, "
            f"{counted(self.observations, 'observation')}"
        )
        return text + (f"; {', '.join(self.reasons)}" if self.reasons else "")


def worst_problems(
    directory: Path, taxonomy: Taxonomy, *, count: int = SHOWN
) -> tuple[ProblemTaxon, ...]:
    """Returns the taxa with most to gain, that with most first.

    Args:
        directory: of the tables.
        taxonomy: of the model.
        count: how many, at most.
    """
    rows = pq.read_table(directory / PROBLEMS_FILE).slice(0, count).to_pylist()
    return tuple(_problem(row, taxonomy) for row in rows)


def _problem(row: dict[str, Any], taxonomy: Taxonomy) -> ProblemTaxon:
    return ProblemTaxon(
        taxon_id=row["taxon_id"],
        name=_name(row["taxon_id"], taxonomy),
        n=row["n"],
        errors=row["errors"],
        observations=row["observations"],
        sure_gain=row["sure_gain"],
        diagnoses=tuple(row["diagnoses"]),
        reasons=tuple(_reason(diagnosis, row, taxonomy) for diagnosis in row["diagnoses"]),
    )


def _reason(diagnosis: str, row: dict[str, Any], taxonomy: Taxonomy) -> str:
    trained = counted(row["train_photos"], "training photo")
    match diagnosis:
        case "few_photos":
            return f"only {trained}"
        case "within_genus":
            return _within_genus(row, taxonomy)
        case "mislabelled":
            return _mislabelled(row)
        case "duplicates":
            own, elsewhere = row["copies"], row["copies_elsewhere"]
            return f"of {trained} {own:,} repeated and {elsewhere:,} in other leaves, too"
        case "one_observer":
            return f"{row['top_observer_photos']:,} of {trained} by one observer"
    raise AssertionError(f"a diagnosis without words: {diagnosis}")


def _within_genus(row: dict[str, Any], taxonomy: Taxonomy) -> str:
    text = f"{counted(row['errors_within_genus'], 'error')} within its genus"
    if row["confused_taxon_id"]:
        text += f", {row['confused_count']:,} as {_name(row['confused_taxon_id'], taxonomy)}"
    return text


def _mislabelled(row: dict[str, Any]) -> str:
    photo_ids = row["suspect_photo_ids"]
    text = f"{counted(row['confident_errors'], 'photo')} perhaps mislabelled"
    if photo_ids:
        more = ", ..." if row["confident_errors"] > _IDS_NAMED else ""
        text += f" (id {', '.join(map(str, photo_ids[:_IDS_NAMED]))}{more})"
    return text


def _name(taxon_id: int, taxonomy: Taxonomy) -> str:
    return taxonomy.names[taxonomy.node_of_taxon[taxon_id]]
