"""Progress of a long reading on standard error; silent if it is over within two seconds.

with live_progress(sys.stderr) as live:
    live.rows("reading train_data.csv", 65_536)      # as often as you like
    live.share("reading tables", 0.25)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.status import Status

from schemas.duration import duration

SILENT_SECS = 2.0
PLAIN_INTERVAL_SECS = 15.0
"""Without a terminal, progress is a line this often."""

_TERMINAL_INTERVAL_SECS = 0.2


class LiveProgress:
    """Says what is being read and how fast.

    Args:
        stream: where to; a live line only if it is a terminal.
        clock: seconds.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._interval_secs = _TERMINAL_INTERVAL_SECS if stream.isatty() else PLAIN_INTERVAL_SECS
        self._due_secs = clock() + SILENT_SECS
        self._what, self._began_secs = "", clock()
        self._status: Status | None = None

    def rows(self, what: str, done: int) -> None:
        """Takes note of rows of `what` that were read so far."""
        spent = self._spent_on(what)
        if self._is_due():
            rate = f", {done / spent:,.0f} rows/s" if spent > 0 else ""
            self._show(f"{what}: {done:,} rows{rate}")

    def share(self, what: str, share: float | None) -> None:
        """Takes note of the share, 0..1, of `what` that is done; None if unknown."""
        spent = self._spent_on(what)
        if not self._is_due():
            return
        if share is None or share <= 0:
            self._show(f"{what}: {duration(spent)}")
        else:
            self._show(f"{what}: {share:.0%}, {duration(spent * (1 - share) / share)} left")

    def close(self) -> None:
        """Takes the live line away."""
        if self._status is not None:
            self._status.stop()

    def _spent_on(self, what: str) -> float:
        if what != self._what:
            self._what, self._began_secs = what, self._clock()
        return self._clock() - self._began_secs

    def _is_due(self) -> bool:
        if self._clock() < self._due_secs:
            return False
        self._due_secs = self._clock() + self._interval_secs
        return True

    def _show(self, line: str) -> None:
        if not self._stream.isatty():
            print(line, file=self._stream, flush=True)
            return
        if self._status is None:
            self._status = Console(file=self._stream).status(line)
            self._status.start()
        self._status.update(line)


@contextmanager
def live_progress(stream: TextIO) -> Iterator[LiveProgress]:
    """Gives a progress that is taken away at the end."""
    live = LiveProgress(stream)
    try:
        yield live
    finally:
        live.close()
