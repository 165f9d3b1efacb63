"""Faults of several tables of one source, raised together.

raise_together(Path("parts"), [problems_of_first, problems_of_second], "Correct the rows.")
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from schemas.csv_rows import Problems
from schemas.errors import DataError


def raise_together(path: Path, tables: Iterable[Problems], remedy: str) -> None:
    """Raises:
    DataError: with the faults of each table that has some: its first 20, and the count of the
        rest. It is the table's own error if only one has faults, else one of `path`.
    """
    faulty = [error for problems in tables if (error := _error(problems, remedy)) is not None]
    if len(faulty) == 1:
        raise faulty[0]
    if faulty:
        lines = "\n".join(str(error).removesuffix(f"\n {remedy}") for error in faulty)
        raise DataError(
            path, problem=f"{len(faulty)} tables have faults.\n{lines}\n", remedy=remedy
        )


def _error(problems: Problems, remedy: str) -> DataError | None:
    try:
        problems.raise_if_any(remedy)
    except DataError as error:
        return error
    return None
