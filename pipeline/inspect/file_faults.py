"""Faults that are collected instead of ending the inspection.

noted = Noted("train_data.csv")
rows = list(export.rows("train", noted))         # the sound ones
noted.faults("Correct the rows.")                # FileFaults, or None

faults_of(error)                                 # FileFaults of an error that ended a file
"""

from __future__ import annotations

import re

from pipeline.inspect.inspection import FileFaults
from schemas.csv_rows import Problems
from schemas.errors import DataError, FieldmarkError

_COLLECTED = re.compile(r": ([\d,]+) faults?:\n(.*)\n (.*)", re.DOTALL)
"""How `Problems.raise_if_any` words what it collected: a count, lines, a remedy."""


class Noted(Problems):
    """Faults of one file, to be shown rather than raised."""

    def faults(self, remedy: str) -> FileFaults | None:
        """Returns what was noted so far: the first 20 and the count; None if nothing was."""
        if not self._count:
            return None
        return FileFaults(self.path, self._count, tuple(self._lines), remedy)


def faults_of(error: FieldmarkError) -> FileFaults:
    """Returns the faults that an error tells of, one by one where it collected several."""
    if not isinstance(error, DataError):
        return FileFaults("", 1, (str(error),), "")
    text = str(error).removeprefix(error.path)
    collected = _COLLECTED.fullmatch(text)
    if collected is None:
        return FileFaults(error.path, 1, (text.lstrip(",: "),), "")
    lines = [line.strip() for line in collected[2].splitlines()]
    shown = tuple(line for line in lines if not line.startswith("... and "))
    return FileFaults(error.path, int(collected[1].replace(",", "")), shown, collected[3])
