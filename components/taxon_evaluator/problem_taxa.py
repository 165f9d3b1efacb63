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
    copies = row["copies"] + row["copies_elsewhere"]
    return {
        "few_photos": f"only {trained}",
        "within_genus": _within_genus(row, taxonomy),
        "mislabelled": f"{counted(row['confident_errors'], 'photo')} perhaps mislabelled"
        + "".join(f" ({each})" for each in [_ids(row["suspect_photo_ids"])] if each),
        "duplicates": f"{copies:,} of {trained} copies"
        + (
            f", {row['copies_elsewhere']:,} of them under another leaf, too"
            * (copies > row["copies"])
        ),
        "one_observer": f"{row['top_observer_photos']:,} of {trained} by one observer",
    }[diagnosis]


def _within_genus(row: dict[str, Any], taxonomy: Taxonomy) -> str:
    text = f"{counted(row['errors_within_genus'], 'error')} within its genus"
    if row["confused_taxon_id"]:
        text += f", {row['confused_count']:,} as {_name(row['confused_taxon_id'], taxonomy)}"
    return text


def _ids(photo_ids: list[int]) -> str:
    shown = ", ".join(map(str, photo_ids[:3])) + (", ..." if len(photo_ids) > 3 else "")
    return f"{'photo' if len(photo_ids) == 1 else 'photos'} {shown}" if photo_ids else ""


def _name(taxon_id: int, taxonomy: Taxonomy) -> str:
    return taxonomy.names[taxonomy.node_of_taxon[taxon_id]]
