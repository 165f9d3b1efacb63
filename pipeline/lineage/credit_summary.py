"""What the credits of a model come to, and what their licences forbid, in a few lines.

print(credit_summary(totals, ["train"]))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.lineage.credit import Totals
from pipeline.lineage.one_line import one_line
from schemas.licence_terms import forbids_adaptation, forbids_commerce

LICENCES_SHOWN = 12
NO_CREDITS = (
    "The export carried no credits: neither licences, nor rights holders, nor observers. "
    "iNaturalist's own vision exports have none; what `fieldmark build-export` makes has them. "
    "Each photo is listed with its id and address, where its page names whom to credit."
)
_NO_LICENCE = "no licence"


def credit_summary(totals: Totals, splits: Sequence[str]) -> str:
    """Returns the summary for people."""
    lines = [photo_count(totals, splits)]
    if not totals.num_photos:
        return lines[0]
    if not totals.has_credits:
        return f"{lines[0]}\n{NO_CREDITS}"
    return "\n".join([*lines, *_licence_lines(totals), *_hints(totals)])


def photo_count(totals: Totals, splits: Sequence[str]) -> str:
    """Returns how many photos there are, as in "4,185 photos in train, by 312 observers"."""
    photos = f"{_count(totals.num_photos, 'photo')} in {' and '.join(splits)}"
    observers = _count(totals.num_observers, "observer")
    return f"{photos}, by {observers}" if totals.num_observers else photos


def _licence_lines(totals: Totals) -> list[str]:
    ordered = sorted(totals.licences.items(), key=lambda item: (-item[1], item[0] or ""))
    shown = [(code or _NO_LICENCE, number) for code, number in ordered[:LICENCES_SHOWN]]
    if rest := ordered[LICENCES_SHOWN:]:
        shown.append((f"{len(rest):,} other licences", sum(number for _, number in rest)))
    names = [one_line(name) for name, _ in shown]
    width = max(map(len, names))
    return [
        f"  {name:<{width}}  {number:>10,}" for name, (_, number) in zip(names, shown, strict=True)
    ]


def _hints(totals: Totals) -> list[str]:
    lines = []
    if none := totals.licences.get(None, 0):
        lines.append(
            f"{_count(none, 'photo')} under no licence: all rights are reserved unless the "
            "creator says otherwise."
        )
    if totals.num_without_creator:
        lines.append(
            f"{_count(totals.num_without_creator, 'photo')} with neither rights holder nor "
            "observer known."
        )
    if forbidding := _number(totals, forbids_commerce):
        lines.append(
            f"{_count(forbidding, 'photo')} under licences that forbid commercial use (NC)."
        )
    if forbidding := _number(totals, forbids_adaptation):
        lines.append(
            f"{_count(forbidding, 'photo')} under licences that forbid adapted versions (ND)."
        )
    if none or _number(totals, forbids_commerce) or _number(totals, forbids_adaptation):
        lines.append(
            "Before you sell or publish the model, settle whether such photos may be in it; "
            "Fieldmark cannot."
        )
    return lines


def _number(totals: Totals, applies: Callable[[str | None], bool]) -> int:
    return sum(number for code, number in totals.licences.items() if applies(code))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
