"""Progress of a fetch on standard error: a bar on a terminal, plain lines elsewhere.

with progress(sys.stderr, total=count_rows(paths)) as show:
    fetch_export(..., on_progress=show)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pipeline.fetch.fetch_export import Tally
from schemas.duration import duration

PLAIN_INTERVAL_SECS = 15.0
"""Without a terminal, progress is a line this often."""

RATE_WINDOW_SECS = 60.0
"""The rate shown is that of the last minute: photos on disk already go by much faster."""

_READ_BYTES = 2**20


class Pace:
    """Rows dealt with over the last `RATE_WINDOW_SECS`.

    Args:
        total: rows in all.
        clock: seconds.
    """

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._clock = total, clock
        self._points = [(clock(), 0, 0)]

    def line(self, tally: Tally) -> str:
        """Returns "1,200 of 5,902 photos, 310 fetched, 9.8 photos/s, 8 min 0 s left"."""
        now = self._clock()
        self._points.append((now, tally.done, tally.fetched))
        while len(self._points) > 2 and now - self._points[1][0] > RATE_WINDOW_SECS:
            self._points.pop(0)
        then, done_then, fetched_then = self._points[0]
        text = f"{tally.done:,} of {self._total:,} photos, {tally.fetched:,} fetched"
        if failed := tally.refused + tally.unreachable:
            text += f", {failed:,} failed"
        if now <= then or tally.done <= done_then:
            return text
        secs = now - then
        left_secs = (self._total - tally.done) * secs / (tally.done - done_then)
        rate = (tally.fetched - fetched_then) / secs
        return f"{text}, {rate:.1f} photos/s, {duration(left_secs)} left"


@contextmanager
def progress(
    stream: TextIO, *, total: int, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[Tally], None]]:
    """Gives a function that shows a tally; it may be called as often as you like."""
    pace = Pace(total, clock)
    if stream.isatty():
        with _bar(stream, total, pace) as show:
            yield show
    else:
        yield _plain(stream, pace, clock)


def count_rows(paths: Iterable[Path]) -> int:
    """Returns the number of lines after the header in all files together."""
    return sum(max(0, _count_lines(path) - 1) for path in paths)


def _count_lines(path: Path) -> int:
    lines, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


def _plain(stream: TextIO, pace: Pace, clock: Callable[[], float]) -> Callable[[Tally], None]:
    shown_secs = clock()

    def show(tally: Tally) -> None:
        nonlocal shown_secs
        if clock() - shown_secs >= PLAIN_INTERVAL_SECS:
            shown_secs = clock()
            print(pace.line(tally), file=stream, flush=True)

    return show


@contextmanager
def _bar(stream: TextIO, total: int, pace: Pace) -> Iterator[Callable[[Tally], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(file=stream)) as bar:
        task = bar.add_task("looking what is on disk", total=total)
        shown_secs = float("-inf")

        def show(tally: Tally) -> None:
            nonlocal shown_secs
            if (now := time.monotonic()) - shown_secs >= 0.2 or tally.done == total:
                shown_secs = now
                bar.update(task, completed=tally.done, description=pace.line(tally))

        yield show
