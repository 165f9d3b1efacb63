"""No photo and no observation stands in two splits, or under two leaves.

iNaturalist's exporter writes an observation whose own taxon differs from its community taxon under
both leaves, with the same photos, and nothing stops the copies from landing in train and in test.
`resolve` looks at all rows of one observation and keeps one split and one leaf a photo:

1. the copy farthest from training wins: test over val over train;
2. then the copy whose community taxon agreed; then the one that stands first.

What loses is set aside with the row that it lost to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from schemas.photo_row import PhotoRow

_CLOSENESS_TO_TRAINING = {"test": 0, "val": 1, "train": 2}


class Placed(NamedTuple):
    """A row and the split file it stands in."""

    split: str
    row: PhotoRow


class Lost(NamedTuple):
    """A row that was set aside, and why."""

    placed: Placed
    reason: str


def group_key(placed: Placed) -> int:
    """Returns what rows are compared by: the observation, or the photo where it is unknown.

    Observation ids are positive, so the negative photo id cannot meet one.
    """
    row = placed.row
    return row.observation_id if row.observation_id is not None else -row.photo_id


def resolve(rows: Iterable[Placed]) -> tuple[list[Placed], list[Lost]]:
    """Returns (kept, lost) of the rows of one observation, each in a fixed order."""
    ordered = sorted(rows, key=_precedence)
    if len(ordered) == 1:
        return ordered, []
    kept: list[Placed] = []
    lost: list[Lost] = []
    first_of_photo: dict[int, Placed] = {}
    split = ordered[0].split
    for placed in ordered:
        if placed.split != split:
            lost.append(Lost(placed, f"leak: its observation is also in {_place(ordered[0])}"))
        elif placed.row.photo_id in first_of_photo:
            first = first_of_photo[placed.row.photo_id]
            lost.append(Lost(placed, f"double: the photo is also in {_place(first)}"))
        else:
            first_of_photo[placed.row.photo_id] = placed
            kept.append(placed)
    return kept, lost


def _precedence(placed: Placed) -> tuple[int, bool, int]:
    return (
        _CLOSENESS_TO_TRAINING[placed.split],
        placed.row.community is not True,
        placed.row.row_number,
    )


def _place(placed: Placed) -> str:
    return f"{placed.split}, row {placed.row.row_number}, under taxon {placed.row.taxon_id}"
