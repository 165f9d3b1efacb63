"""Why photos were set aside, counted: numbers in a reason are left out, so that reasons meet."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from components.export_example_gen.set_aside import SET_ASIDE_FILE

LONGEST_REASON = 120
_NUMBER = re.compile(r"\d[\d,.]*\d|\d")


class Reason(NamedTuple):
    """Why a photo was set aside.

    Attributes:
        file: of the split that lists it.
        kind: unusable, leak or placeholder.
        words: the reason, "N" for any number.
    """

    file: str
    kind: str
    words: str


def count_reasons(directory: Path) -> Counter[Reason]:
    """Returns how many photos a SetAside artifact lists for each reason."""
    found: Counter[Reason] = Counter()
    with (directory / SET_ASIDE_FILE).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            words = _NUMBER.sub("N", row["reason"])[:LONGEST_REASON]
            found[Reason(row["file"], row["kind"], words)] += 1
    return found
