"""The list of photos left out, and the verdict on their number."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from components.export_example_gen.read_export import UNUSABLE, SetAsideRow
from schemas.errors import FieldmarkError

SET_ASIDE_FILE = "set_aside.csv"
HEADER = ("file", "row", "photo_id", "kind", "reason")
REASONS_SHOWN = 3


def write_set_aside(rows: Iterable[SetAsideRow], path: Path) -> None:
    """Writes the list, in the order of the split files: file, row, photo, kind and reason."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for row in sorted(rows):
            writer.writerow((f"{row.split}_data.csv", *row[1:]))


def check_share(
    rows: Iterable[SetAsideRow], kept: Mapping[str, int], *, max_share: float, listed_in: Path
) -> None:
    """Refuses an export of which too much is unusable.

    Args:
        rows: what was set aside.
        kept: records written, by split.
        max_share: largest share of unusable photos accepted in a split, 0..1.
        listed_in: where the list lies, for the message.

    Raises:
        FieldmarkError: naming the split, the numbers and the commonest reasons; also if nothing
            is left of a split.
    """
    unusable = [row for row in rows if row.kind == UNUSABLE]
    for split, kept_count in kept.items():
        reasons = Counter(row.reason for row in unusable if row.split == split)
        bad, total = reasons.total(), reasons.total() + kept_count
        if kept_count and bad <= max_share * total:
            continue
        if not total:
            raise FieldmarkError(
                f"{split}_data.csv: no photo is left: it has no rows, or all of them are in "
                f"another split too. The whole list: {listed_in}. Export the splits again."
            )
        commonest = "; ".join(f"{n:,} x {why}" for why, n in reasons.most_common(REASONS_SHOWN))
        raise FieldmarkError(
            f"{split}_data.csv: {bad:,} of {total:,} photos cannot be used, and "
            f"export.max_unusable_share allows {max_share:.2%}. Mostly: {commonest}. "
            f"The whole list: {listed_in}. Fetch or replace the photos, or raise the share."
        )
