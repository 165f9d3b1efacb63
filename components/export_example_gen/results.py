"""What `ReadExport` said, as lines of a file: Beam may run elsewhere.

Law: workers import this module and not the executor's, which needs TFX.

    to_line(("train", 310), "kept")
    read_results(folder, ("train", "val")).kept["train"]
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from components.export_example_gen.set_aside import SetAsideRow

FILE_PREFIX = "results"


class Results(NamedTuple):
    """Rows set aside, records by split, names of faulty files."""

    set_aside: list[SetAsideRow]
    kept: dict[str, int]
    faulty: set[str]


def to_line(row: Any, name: str) -> str:
    """Returns an element of `ReadExport`'s output `name` as a line."""
    return json.dumps([name, row])


def read_results(folder: Path, splits: Iterable[str]) -> Results:
    """Returns what the lines of the files in a folder say."""
    results = Results([], dict.fromkeys(splits, 0), set())
    for path in sorted(folder.glob(f"{FILE_PREFIX}-*")):
        for line in path.read_text().splitlines():
            name, row = json.loads(line)
            if name == "set_aside":
                results.set_aside.append(SetAsideRow(*row))
            elif name == "kept":
                results.kept[row[0]] += row[1]
            else:
                results.faulty.add(row)
    return results
