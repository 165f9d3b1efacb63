"""Taxa that changed after a model was trained: iNaturalist's `synonyms.csv`.

Columns `model_taxon_id,parent_taxon_id,taxon_id,rank_level,name`: what a taxon of the model is
today. Several rows of one `model_taxon_id` are a split, several of one `taxon_id` a merge, an empty
`taxon_id` a taxon that was removed. Source: inaturalist/inatVisionAPI.

    read_synonyms("synonyms.csv")       # {47: (48, 49), 50: ()}
    read_synonym_names("synonyms.csv")  # {"Cyanistes caeruleus": (48, 47)}
    check_synonyms("synonyms.csv", taxonomy)  # as who answers with that taxonomy wants it
"""

from __future__ import annotations

from os import PathLike

from schemas.csv_rows import Problems, read_header, read_rows, require_columns
from schemas.row_cells import RowFault, integer, optional_integer
from schemas.taxonomy import Taxonomy

COLUMNS = ("model_taxon_id", "taxon_id")
"""Columns that must be there to know what became of a taxon; the others are for people."""

ALL_COLUMNS = ("model_taxon_id", "parent_taxon_id", "taxon_id", "rank_level", "name")
"""Columns that iNaturalist's server reads: it hangs the taxon of today into its tree."""

_REMEDY = "Correct the rows; docs/progressive.md says what the columns mean."

NAME, MODEL_NAME = "name", "model_name"
"""Columns with the name that a taxon has today, and (not iNaturalist's) the one that it had."""


def read_synonyms(path: str | PathLike[str]) -> dict[int, tuple[int, ...]]:
    """Returns by taxon id of the model the taxa that it is today; none if it was removed.

    Raises:
        DataError: with every faulty row: an id that is no positive integer, a row given twice, or
            a taxon that was removed and also became something.
    """
    require_columns(path, read_header(path), COLUMNS)
    problems, today = Problems(path), dict[int, list[int | None]]()
    for number, cells in read_rows(path, problems):
        try:
            old = integer(cells, "model_taxon_id", least=1)
            new = optional_integer(cells, "taxon_id", least=1)
        except RowFault as fault:
            problems.add(number, fault.column, fault.problem)
            continue
        known = today.setdefault(old, [])
        if new in known:
            problems.add(number, "taxon_id", f"{new or 'empty'} is given twice for taxon {old}.")
        elif known and None in (*known, new):
            problems.add(
                number, "taxon_id", f"taxon {old} is removed in one row and not in another."
            )
        known.append(new)
    problems.raise_if_any(_REMEDY)
    return {old: tuple(new for new in known if new is not None) for old, known in today.items()}


def check_synonyms(path: str | PathLike[str], taxonomy: Taxonomy) -> None:
    """Checks a table that goes with a model: all columns, and no taxon that the model lacks.

    Args:
        path: of the table.
        taxonomy: of the model.

    Raises:
        DataError: as `read_synonyms`; for a column that is missing; or with every row whose
            `model_taxon_id` is no taxon of the model.
    """
    require_columns(path, read_header(path), ALL_COLUMNS)
    read_synonyms(path)
    problems = Problems(path)
    for number, cells in read_rows(path, problems):
        old = integer(cells, "model_taxon_id", least=1)
        if old not in taxonomy.node_of_taxon:
            problems.add(number, "model_taxon_id", f"{old} is no taxon of the model.")
    problems.raise_if_any(_REMEDY)


def read_synonym_names(path: str | PathLike[str]) -> dict[str, tuple[int, ...]]:
    """Returns by name the taxon ids that it may stand for, the likeliest first.

    A name of today stands for today's taxon, and in an older tree for the one that it was; a name
    of old, in the column `model_name`, for what that taxon is today.

    Raises:
        DataError: as `read_synonyms`.
    """
    read_synonyms(path)  # faults are told there
    found: dict[str, list[int]] = {}
    for _, cells in read_rows(path, Problems(path)):
        new = optional_integer(cells, "taxon_id", least=1)
        old = integer(cells, "model_taxon_id", least=1)
        today = [new] if new is not None else []
        if cells.get(NAME):
            found.setdefault(cells[NAME], []).extend([*today, old])
        if cells.get(MODEL_NAME):
            found.setdefault(cells[MODEL_NAME], []).extend(today)
    return {name: tuple(dict.fromkeys(ids)) for name, ids in found.items()}
