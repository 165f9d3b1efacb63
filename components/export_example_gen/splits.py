"""No photo and no observation stands in two splits, or under two leaves.

iNaturalist's exporter writes an observation whose own taxon differs from its community taxon under
both leaves, with the same photos, and nothing stops the copies from landing in train and in test.
Nor does anything stop one photo from standing in several observations. Two rules, in this order,
keep one split and one leaf:

1. of all rows of an observation (`resolve_observation`), the best one names split and leaf;
2. of all rows of a photo that are left (`resolve_photo`), the best one stays.

The best is one whose community taxon agreed, since its label is the true one; then the one
farthest from training (test before val before train); then the one that stands first. What loses
is set aside with the row it lost to. The second rule only takes rows away, so that the first one's
law still holds after it.
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


def group_key(row: PhotoRow) -> int:
    """Returns what rows are compared by: the observation, or the photo where it is unknown.

    Observation ids are positive, so the negative photo id cannot meet one.
    """
    return row.observation_id if row.observation_id is not None else -row.photo_id


def resolve_observation(rows: Iterable[Placed]) -> tuple[list[Placed], list[Lost]]:
    """Returns (kept, lost) of the rows of one observation, each in a fixed order.

    What is kept has one split and one leaf, and each photo once.
    """
    ordered = sorted(rows, key=_precedence)
    if len(ordered) == 1:
        return ordered, []
    best = ordered[0]
    kept: dict[int, Placed] = {}
    others: list[Placed] = []
    for placed in ordered:
        fits = placed.split == best.split and placed.row.taxon_id == best.row.taxon_id
        if not fits or kept.setdefault(placed.row.photo_id, placed) is not placed:
            others.append(placed)
    lost = [Lost(placed, _why(placed, best, kept)) for placed in others]
    return list(kept.values()), lost


def resolve_photo(rows: Iterable[Placed]) -> tuple[list[Placed], list[Lost]]:
    """Returns (kept, lost) of the rows of one photo; one is kept."""
    best, *others = sorted(rows, key=_precedence)
    return [best], [Lost(placed, _why_photo(placed, best)) for placed in others]


def _why(placed: Placed, best: Placed, kept: dict[int, Placed]) -> str:
    if placed.split != best.split:
        return f"leak: its observation is also in {_place(best)}"
    same_photo = kept.get(placed.row.photo_id)
    if same_photo is not None:
        return _why_photo(placed, same_photo)
    return f"double: its observation is also in {_place(best)}"


def _why_photo(placed: Placed, best: Placed) -> str:
    kind = "leak" if placed.split != best.split else "double"
    return f"{kind}: the photo is also in {_place(best)}"


def _precedence(placed: Placed) -> tuple[bool, int, int]:
    return (
        placed.row.community is not True,
        _CLOSENESS_TO_TRAINING[placed.split],
        placed.row.row_number,
    )


def _place(placed: Placed) -> str:
    return f"{placed.split}, row {placed.row.row_number}, under taxon {placed.row.taxon_id}"
