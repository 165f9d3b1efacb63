"""A bar: what is asked of a figure before a model is blessed, and how far it was missed.

Law: `missed_by` is 0 if the bar was passed, else how much the figure would have to move.

    bar = Bar("min_top1", "all photos", "top1_accuracy", 0.47, 0.5, at_least=True, passed=False)
    bar.words()    # "top1_accuracy is 0.47 over all photos, 0.03 below the bar of 0.5 (min_top1)"
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Bar:
    """One demand, met or not.

    Attributes:
        setting: that asks for it, of `evaluation`.
        slice: photos that it is asked of, in words.
        metric: the figure's name.
        value: the figure.
        threshold: what it is held against.
        at_least: whether the figure must reach the threshold, or else must not be above it.
        passed: whether the demand is met.
        note: what else is to be said, for example a p-value.
    """

    setting: str
    slice: str
    metric: str
    value: float
    threshold: float
    at_least: bool
    passed: bool
    note: str = ""

    @property
    def missed_by(self) -> float:
        """How far the figure is on the wrong side; 0 if the bar was passed."""
        return 0.0 if self.passed else abs(self.value - self.threshold)

    def words(self) -> str:
        """Returns the bar as a line without an end."""
        text = f"{self.metric} is {number(self.value)} over {self.slice}"
        bar = f"the bar of {number(self.threshold)} ({self.setting})"
        if self.passed:
            text += f", within {bar}"
        else:
            side = "below" if self.at_least else "above"
            text += f", {number(self.missed_by)} {side} {bar}"
        return text + (f"; {self.note}" if self.note else "")

    def as_json(self) -> dict[str, Any]:
        """Returns the attributes with `missed_by`."""
        return asdict(self) | {"missed_by": self.missed_by}


def number(value: float) -> str:
    """Returns a figure with four decimals at most, and none where there are none."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
