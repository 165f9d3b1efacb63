"""What the outputs of a classifier stand for: a label each, read from a file or a taxonomy.

Three forms are read:

    taxonomy.csv        of an export or a phone bundle: leaves in the order of leaf_class_id
    labels.txt          a scientific name a line, in the order of the outputs
    0 Strix aluco       the same, numbered (also `0,Strix aluco`); numbers decide the order

Of a name, what stands in brackets is left out and underscores are spaces: "Strix_aluco (Tawny
owl)" is Strix aluco. A line that names no taxon ("background") is a label that nothing matches.

    read_labels("labels.txt")[0].name
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from schemas.errors import DataError
from schemas.ranks import LEVEL_OF_RANK
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import REQUIRED_COLUMNS, read_taxonomy

_NUMBERED = re.compile(r"(\d+)\s*[\s,;:]\s*(.*)")
_CSV_HEADER = "id,name"
_REMEDY = "Give a label for each output of the model, one a line, or a taxonomy.csv."


@dataclass(frozen=True)
class Label:
    """One output.

    Attributes:
        name: scientific name as it can be compared; "" for a line without one.
        taxon_id: iNaturalist's id; None if the file does not say.
        rank_level: 10 for a species; where the file does not say, told from the name's words.
        ancestors: (taxon id, name) from the parent up; () where the file knows none.
    """

    name: str
    taxon_id: int | None = None
    rank_level: float = LEVEL_OF_RANK["species"]
    ancestors: tuple[tuple[int, str], ...] = ()


def read_labels(path: str | PathLike[str]) -> tuple[Label, ...]:
    """Returns the labels of a file, in the order of the outputs.

    Raises:
        DataError: if it cannot be read, is empty, is a faulty taxonomy, or is numbered with gaps.
    """
    lines = _lines(Path(path))
    if lines and set(REQUIRED_COLUMNS) <= set(lines[0].split(",")):
        return labels_of(read_taxonomy(path))
    if lines and lines[0].replace(" ", "") == _CSV_HEADER:
        lines = lines[1:]
    if not lines:
        raise DataError(path, problem="is empty.", remedy=_REMEDY)
    return tuple(_named(line) for line in _in_order(path, lines))


def labels_of(taxonomy: Taxonomy) -> tuple[Label, ...]:
    """Returns a label for each leaf of a taxonomy, in class order."""
    return tuple(_leaf_label(taxonomy, int(node)) for node in taxonomy.leaf_nodes)


def comparable(name: str) -> str:
    """Returns a name as names are compared.

    >>> comparable(" Strix_aluco (Tawny owl)")
    'strix aluco'
    """
    return " ".join(name.partition("(")[0].replace("_", " ").split()).casefold()


def _leaf_label(taxonomy: Taxonomy, node: int) -> Label:
    above = taxonomy.lineage(node)[-2::-1]
    return Label(
        taxonomy.names[node],
        int(taxonomy.taxon_ids[node]),
        float(taxonomy.rank_levels[node]),
        tuple((int(taxonomy.taxon_ids[one]), taxonomy.names[one]) for one in above),
    )


def _named(line: str) -> Label:
    name = " ".join(line.partition("(")[0].replace("_", " ").split())
    # Species have two words, and what is above them one.
    return Label(name, None, LEVEL_OF_RANK["species" if " " in name else "genus"])


def _in_order(path: str | PathLike[str], lines: list[str]) -> list[str]:
    """Lines without their numbers, in the order of these if all have one."""
    matches = [_NUMBERED.fullmatch(line.replace("_", " ").strip()) for line in lines]
    if not all(matches):
        return lines
    numbered = {int(match[1]): match[2] for match in matches if match}
    first = min(numbered)
    if first > 1 or sorted(numbered) != list(range(first, first + len(lines))):
        raise DataError(
            path,
            problem=f"numbers its {len(lines):,} lines, but not from 0 or 1 on without a gap.",
            remedy="Number the labels as the outputs are, or leave the numbers out.",
        )
    return [numbered[number] for number in sorted(numbered)]


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(
            path, problem=f"cannot be read: {error.strerror}.", remedy=_REMEDY
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(path, problem=f"is not UTF-8: {error.reason}.", remedy=_REMEDY) from error
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return lines
