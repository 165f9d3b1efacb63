"""What a user did not expect, said so that they can act on it.

Every error meant for a person is a `FieldmarkError`: the command line prints its message without
a traceback and exits with 2, or with 75 for `Interrupted`. A message says what is wrong, what was
allowed, what came, and what to do; errors about data name the file and the row.

    raise DataError("taxonomy.csv", row=7, column="rank_level",
                    problem="is not a number. Received: 'genus'.",
                    remedy="Export the taxonomy again, or correct the cell.")
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from os import PathLike


class FieldmarkError(Exception):
    """An error whose message is written for the person who runs Fieldmark."""


class ConfigError(FieldmarkError):
    """A setting that cannot be used as it is."""


class Interrupted(FieldmarkError):
    """Work that a signal ended in order: the same command goes on with it."""


class DataError(FieldmarkError):
    """A fault in a file that the user gave.

    Args:
        path: the file at fault.
        problem: what is wrong, as the rest of a sentence that starts with the place.
        remedy: what to do about it, a sentence.
        row: line number in the file, the header being 1; None if the fault is the whole file's.
        column: name of the column, if the fault is in one cell.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        problem: str,
        remedy: str,
        row: int | None = None,
        column: str | None = None,
    ) -> None:
        self.path, self.row, self.column = str(path), row, column
        place = self.path
        if row is not None:
            place += f", row {row}"
        if column is not None:
            place += f", column {column}"
        super().__init__(f"{place}: {problem} {remedy}")


def did_you_mean(received: str, allowed: Iterable[str]) -> str:
    """Returns " Did you mean 'x'?" for the closest allowed word, or "" when none is close."""
    close = difflib.get_close_matches(received, list(allowed), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
