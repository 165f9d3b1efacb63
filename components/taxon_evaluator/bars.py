"""A bar: what is asked of a figure before a model is blessed, and how far it was missed.

Law: `missed_by` is how much the figure would have to move for the bar to be passed: 0 if it was, or
if all that is wanting is an interval; None where there is no figure.

    bar = Bar("min_top1", "all photos", "top1_accuracy", 0.47, 0.5, at_least=True, passed=False)
    bar.words()    # "top1_accuracy is 0.47 over all photos, 0.03 below the bar of 0.5 (min_top1)"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class SliceFigure:
    """A slice that misses a bar which is asked of every slice.

    Attributes:
        slice: its name.
        taxon_id: of a taxon; else 0.
        n: what the value is taken over.
        value: the figure.
        low: lower end of its 95 % interval; None without one.
        high: upper end.
        missed_by: how far what is judged is on the wrong side; None where there is no interval to
            judge by.
    """

    slice: str
    taxon_id: int
    n: int
    value: float
    low: float | None
    high: float | None
    missed_by: float | None

    def words(self) -> str:
        """Returns the slice as a part of a sentence."""
        by = "" if self.missed_by is None else f", by {number(self.missed_by)}"
        return f"{self.slice} {number(self.value)} (n = {self.n:,}{by})"


@dataclass(frozen=True)
class Bar:
    """One demand, met or not.

    Attributes:
        setting: that asks for it, of `evaluation`.
        slice: photos that it is asked of, in words.
        metric: the figure's name.
        value: the figure; None where the evaluation has none.
        threshold: what it is held against.
        at_least: whether the figure must reach the threshold, or else must not be above it.
        passed: whether the demand is met.
        note: what else is to be said, for example a p-value.
        counts: the end of the value's interval that is judged; None if the value itself is.
        slices: of a bar on every slice those that miss it, the worst first.
    """

    setting: str
    slice: str
    metric: str
    value: float | None
    threshold: float
    at_least: bool
    passed: bool
    note: str = ""
    counts: float | None = None
    slices: tuple[SliceFigure, ...] = ()

    @property
    def missed_by(self) -> float | None:
        """How far what is judged is on the wrong side, 0 or more; None without a figure."""
        judged = self.value if self.counts is None else self.counts
        if self.passed or judged is None:
            return 0.0 if self.passed else None
        return max(0.0, self.threshold - judged if self.at_least else judged - self.threshold)

    def words(self) -> str:
        """Returns the bar as a line without an end."""
        bar = f"the bar of {number(self.threshold)} ({self.setting})"
        if self.value is None:
            text = f"{self.metric} is not known over {self.slice}, {bar} cannot be judged"
        elif self.passed:
            text = f"{self._figure()}, within {bar}"
        elif self.missed_by:
            side = "below" if self.at_least else "above"
            text = f"{self._figure()}, {number(self.missed_by)} {side} {bar}"
        else:
            text = f"{self._figure()}, which is not sure to reach {bar}"
        return text + (f"; {self.note}" if self.note else "")

    def as_json(self) -> dict[str, Any]:
        """Returns the attributes with `missed_by`."""
        return asdict(self) | {"missed_by": self.missed_by}

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> Bar:
        """Returns what `as_json` gave."""
        values = {name: content[name] for name in content if name not in ("missed_by", "slices")}
        slices = tuple(SliceFigure(**each) for each in content.get("slices", ()))
        return cls(**values, slices=slices)

    def _figure(self) -> str:
        assert self.value is not None
        end = "" if self.counts is None else f" ({number(self.counts)} at the end that counts)"
        return f"{self.metric} is {number(self.value)}{end} over {self.slice}"


def number(value: float | None) -> str:
    """Returns a figure with four decimals at most, and none where there are none."""
    if value is None:
        return "unknown"
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
