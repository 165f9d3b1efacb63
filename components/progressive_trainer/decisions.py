"""What a run decided on its way, as data: the schedule is a pure function of settings and these.

The law: a decision is made once, written into the next checkpoint and the history with its reason,
and from then on read, never made again: clocks differ between two starts of a run and between its
machines, decisions do not.

    decision = Decision("end_examples", stage=1, at_examples=51200, before=68000, after=51200,
                        reason="stage 2 ends after 6.0 of 8.0 epochs: ...")
    decision.as_dict()            # for JSON; Decision(**values) reads it
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

What = Literal["end_examples", "parts", "global_batch"]


@dataclass(frozen=True)
class Decision:
    """One value of one stage that is not as planned.

    Attributes:
        what: "end_examples": where in the run, in photos, the stage ends; "parts": in how many a
            replica's photos of a step are computed; "global_batch": what `auto` was found to be.
        stage: its index, 0 for the first.
        at_examples: photos of the run seen when it was decided.
        before: the value until then.
        after: the value from then on.
        reason: why, in words for people; starts with what was decided.
    """

    what: What
    stage: int
    at_examples: int
    before: int
    after: int
    reason: str

    def as_dict(self) -> dict[str, int | str]:
        """The attributes by name, for JSON."""
        return asdict(self)
