"""An evaluation as the analysis of variance takes it: hits and photos of each leaf, and where from.

run = read_tables(Path("evaluation"), name="first", trained_on="a1b2", evaluated_on="c3d4")
run.taxon_ids, run.photos, run.hits
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from components.taxon_evaluator.tables.leaf_groups import LEAF
from components.taxon_evaluator.tables.table_files import METRICS_FILE, TAXA_FILE, read_metric
from schemas.errors import DataError
from schemas.taxonomy import NO_LEAF

Ints = npt.NDArray[np.int64]

_DIFFERENCES_NAMED = 3


@dataclass(frozen=True, eq=False)
class EvaluatedRun:
    """One training, evaluated. T leaves, in the order of their taxon ids.

    Attributes:
        name: for people.
        trained_on: the same for trainings on the same export.
        evaluated_on: the same for evaluations on the same photos.
        taxon_ids: int64 [T].
        names: of the leaves, T.
        photos: int64 [T], asked.
        hits: int64 [T], whose best answer was right.
        settings: of the trainer, as far as they are known.
    """

    name: str
    trained_on: str
    evaluated_on: str
    taxon_ids: Ints
    names: tuple[str, ...]
    photos: Ints
    hits: Ints
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def top1(self) -> float:
        """Over all photos."""
        return float(self.hits.sum() / self.photos.sum())

    @property
    def macro_top1(self) -> float:
        """Over all leaves that have photos."""
        asked = self.photos > 0
        return float((self.hits[asked] / self.photos[asked]).mean())


def read_tables(
    directory: Path,
    *,
    name: str,
    trained_on: str,
    evaluated_on: str,
    settings: Mapping[str, Any] | None = None,
) -> EvaluatedRun:
    """Reads the tables of an evaluation.

    Args:
        directory: of the tables; the others as in `EvaluatedRun`.

    Raises:
        DataError: if a table is missing or faulty, or leaves small slices out.
    """
    try:
        taxa = pq.read_table(directory / TAXA_FILE)
        rows = read_metric(directory, LEAF, "top1_accuracy")
    except (OSError, ValueError, KeyError) as error:  # what pyarrow raises
        raise DataError(
            directory,
            problem=f"is no whole evaluation: {error}.",
            remedy="Give a run, or the directory that `fieldmark evaluate --out` wrote.",
        ) from error
    leaves = taxa.filter(np.array(taxa["leaf_class_id"]) != NO_LEAF).sort_by("taxon_id")
    taxon_ids = leaves["taxon_id"].to_numpy()
    photos, hits = np.zeros(len(taxon_ids), np.int64), np.zeros(len(taxon_ids), np.int64)
    place = np.searchsorted(taxon_ids, rows["taxon_id"].to_numpy())
    photos[place] = rows["n"].to_numpy()
    hits[place] = np.rint(rows["n"].to_numpy() * rows["value"].to_numpy()).astype(np.int64)
    _check_all_there(directory, leaves["photos"].to_numpy(), photos)
    names = tuple(leaves["name"].to_pylist())
    return EvaluatedRun(
        name, trained_on, evaluated_on, taxon_ids, names, photos, hits, settings or {}
    )


def check_same_leaves(runs: Sequence[EvaluatedRun]) -> None:
    """Raises:
    DataError: naming the first leaves that only one of two runs has.
    """
    first = runs[0]
    for other in runs[1:]:
        if np.array_equal(first.taxon_ids, other.taxon_ids):
            continue
        told = [
            f"only {one.name!r} has {_named(one, ~np.isin(one.taxon_ids, two.taxon_ids))}"
            for one, two in ((first, other), (other, first))
            if not np.isin(one.taxon_ids, two.taxon_ids).all()
        ]
        raise DataError(
            other.name,
            problem=f"has not the leaves of {first.name!r}: {'; '.join(told)}.",
            remedy="Compare models of one taxonomy; `fieldmark build-export --taxonomy-from` makes "
            "a second export of the same leaves.",
        )


def _named(run: EvaluatedRun, chosen: npt.NDArray[np.bool_]) -> str:
    places = np.flatnonzero(chosen)
    shown = [
        f"{run.names[place]} ({run.taxon_ids[place]})" for place in places[:_DIFFERENCES_NAMED]
    ]
    more = len(places) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def _check_all_there(directory: Path, expected: Ints, photos: Ints) -> None:
    missing = int((expected != photos).sum())
    if missing:
        raise DataError(
            directory / METRICS_FILE,
            problem=f"lacks {missing:,} leaves that were evaluated: small slices were left out.",
            remedy="Evaluate with evaluation.min_slice_photos at 1.",
        )
