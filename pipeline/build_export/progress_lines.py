"""A line that says what a build is doing and how long that will take.

pace = Pace()
pace.line("reading observations and photos", 0.25)
# 'reading observations and photos: 25%, 3 min 0 s left'
"""

from __future__ import annotations

import time
from collections.abc import Callable

from schemas.duration import duration


class Pace:
    """Remembers when each piece of work began.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._what, self._began_secs = "", clock()

    @property
    def seconds(self) -> float:
        """The clock."""
        return self._clock()

    def line(self, what: str, share: float | None) -> str:
        """Returns the line for a piece of work of which a share, 0..1, is done; None if unknown."""
        now = self._clock()
        if what != self._what:
            self._what, self._began_secs = what, now
        spent = now - self._began_secs
        if share is None or share <= 0:
            return f"{what}, {duration(spent)}" if spent >= 1 else what
        left = spent * (1 - share) / share
        return f"{what}: {share:.0%}" + (f", {duration(left)} left" if spent >= 1 else "")
