"""Progress of an evaluation on standard error: a bar on a terminal, plain lines elsewhere.

with photo_progress(sys.stderr, total=5902) as show:
    show(1200)          # rows gone through so far
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from pipeline.display import PLAIN_INTERVAL_SECS, Progress

_TERMINAL_INTERVAL_SECS = 0.2


@contextmanager
def photo_progress(
    stream: TextIO, *, total: int, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int], None]]:
    """Gives a function that shows how many rows are done; it may be called as often as you like.

    Args:
        stream: where to; a bar only if it is a terminal.
        total: rows in all.
        clock: seconds.
    """
    pace = Progress("photos")
    pace.update(_event(0, total), clock())
    if stream.isatty():
        with _bar(stream, pace, total, clock) as show:
            yield show
    else:
        yield _plain(stream, pace, total, clock)


def _event(done: int, total: int) -> dict[str, object]:
    return {"unit": "photos", "done": done, "total": total, "process": 0}


def _plain(
    stream: TextIO, pace: Progress, total: int, clock: Callable[[], float]
) -> Callable[[int], None]:
    shown_secs = clock()

    def show(done: int) -> None:
        nonlocal shown_secs
        pace.update(_event(done, total), clock())
        if clock() - shown_secs >= PLAIN_INTERVAL_SECS:
            shown_secs = clock()
            print(pace.line(), file=stream, flush=True)

    return show


@contextmanager
def _bar(
    stream: TextIO, pace: Progress, total: int, clock: Callable[[], float]
) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(pace.line(), total=total)
        shown_secs = float("-inf")

        def show(done: int) -> None:
            nonlocal shown_secs
            pace.update(_event(done, total), clock())
            if (now := clock()) - shown_secs >= _TERMINAL_INTERVAL_SECS or done == total:
                shown_secs = now
                bar.update(task, completed=done, description=pace.line())

        yield show
