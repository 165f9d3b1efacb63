"""Which variant an app should take: the smallest that passes, unless the settings fix one.

choice = choose(passed=["float32", "float16"], sizes={...}, fixed=None)
choice.variant, choice.reason
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """The default variant.

    Attributes:
        variant: its name; None if there is none.
        reason: why, a sentence.
    """

    variant: str | None
    reason: str


def choose(*, passed: Sequence[str], sizes: Mapping[str, int], fixed: str | None) -> Choice:
    """Returns the default variant and why.

    Args:
        passed: variants that pass, in the order of the bundle.
        sizes: bytes of every variant of the bundle.
        fixed: what the settings ask for; None for the rule.
    """
    if fixed is not None:
        if fixed in passed:
            return Choice(fixed, f"{fixed} was asked for (mobile_validation.default_variant).")
        why = "it misses a bar" if fixed in sizes else "the bundle does not hold it"
        return Choice(
            None, f"{fixed} was asked for (mobile_validation.default_variant), but {why}."
        )
    if not passed:
        return Choice(None, "No variant passes.")
    smallest = min(passed, key=lambda variant: (sizes[variant], passed.index(variant)))
    others = ", ".join(variant for variant in passed if variant != smallest)
    beside = f" Passed as well: {others}." if others else ""
    return Choice(
        smallest, f"{smallest} is the smallest that passes, {sizes[smallest] / 1e6:.2f} MB.{beside}"
    )
