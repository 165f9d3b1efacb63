"""The list of photos left out, and the verdict on their number."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from schemas.csv_rows import PROBLEMS_SHOWN
from schemas.errors import DataError, FieldmarkError

SET_ASIDE_FILE = "set_aside.csv"
HEADER = ("file", "row", "photo_id", "kind", "reason")
REASONS_SHOWN = 3

# A photo that is unusable counts against `max_unusable_share`. A leak or double does not, nor does
# a placeholder: there was no photo to lose.
UNUSABLE = "unusable"
LEAK = "leak"
PLACEHOLDER = "placeholder"


class SetAsideRow(NamedTuple):
    """A row that gave no record."""

    split: str
    row_number: int
    photo_id: int
    kind: str
    reason: str


def write_set_aside(rows: Iterable[SetAsideRow], path: Path, *, files: Mapping[str, str]) -> None:
    """Writes the list, in the order of the split files: file, row, photo, kind and reason.

    Args:
        rows: what was set aside.
        path: where to.
        files: name of each split's file.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for row in sorted(rows):
            writer.writerow((files[row.split], *row[1:]))


def summary(rows: Iterable[SetAsideRow], kept: Mapping[str, int], *, listed_in: Path) -> str:
    """Returns what became of the photos, for a person."""
    counts = ", ".join(f"{split} {count:,}" for split, count in kept.items())
    text = f"{sum(kept.values()):,} photos kept ({counts})"
    kinds = Counter(row.kind for row in rows)
    if not kinds:
        return text
    text += f"; {kinds.total():,} set aside, listed in {listed_in}"
    if placeholders := kinds[PLACEHOLDER]:
        text += (
            f"; {placeholders:,} of them show the picture that stands in for removed photos and "
            "do not count as unusable"
        )
    return text


def refuse_leaks(rows: Iterable[SetAsideRow], export_dir: str, *, files: Mapping[str, str]) -> None:
    """Raises:
    DataError: with the first 20 rows that are in two splits or under two leaves, and their count.
    """
    leaks = sorted(row for row in rows if row.kind == LEAK)
    if not leaks:
        return
    shown = "".join(
        f"\n  {files[row.split]}, row {row.row_number}, photo {row.photo_id}: {row.reason}"
        for row in leaks[:PROBLEMS_SHOWN]
    )
    more = len(leaks) - PROBLEMS_SHOWN
    rest = f"\n  ... and {more:,} more." if more > 0 else ""
    noun = "1 row is" if len(leaks) == 1 else f"{len(leaks):,} rows are"
    raise DataError(
        export_dir,
        problem=f"{noun} in two splits or under two leaves:{shown}{rest}\n",
        remedy="Export it again, or let export.on_leak: resolve keep one of each.",
    )


def check_share(
    rows: Iterable[SetAsideRow],
    kept: Mapping[str, int],
    *,
    max_share: float,
    listed_in: Path,
    files: Mapping[str, str],
) -> None:
    """Refuses an export of which too much is unusable.

    Args:
        rows: what was set aside.
        kept: records written, by split.
        max_share: largest share of unusable photos accepted in a split, 0..1.
        listed_in: where the list lies, for the message.
        files: name of each split's file.

    Raises:
        FieldmarkError: naming the split, the numbers and the commonest reasons; also if nothing
            is left of a split.
    """
    judged = [row for row in rows if row.kind != LEAK]
    for split, kept_count in kept.items():
        reasons = Counter(
            row.reason for row in judged if row.split == split and row.kind == UNUSABLE
        )
        bad, total = reasons.total(), reasons.total() + kept_count
        if kept_count and bad <= max_share * total:
            continue
        if not total:
            placeholders = any(row.split == split for row in judged)
            raise FieldmarkError(
                f"{files[split]}: no photo is left: it has no rows, or all of them are in "
                f"another split too{' or show a placeholder' if placeholders else ''}. "
                f"The whole list: {listed_in}. Export the splits again."
            )
        commonest = "; ".join(f"{n:,} x {why}" for why, n in reasons.most_common(REASONS_SHOWN))
        raise FieldmarkError(
            f"{files[split]}: {bad:,} of {total:,} photos cannot be used, and "
            f"export.max_unusable_share allows {max_share:.2%}. Mostly: {commonest}. "
            f"The whole list: {listed_in}. Fetch or replace the photos, or raise the share."
        )
