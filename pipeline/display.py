"""What a run shows: a line a step, notes, and progress with rate and ETA.

On a terminal the current step has a live line; elsewhere progress comes as a plain line now and
then, so that a log of a batch job stays readable. Steps report through the events file
(`schemas.events`), which a thread follows.
"""

from __future__ import annotations

import json
import textwrap
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from rich.console import Console
from rich.status import Status

from schemas.duration import duration

POLL_SECS = 0.2
PLAIN_INTERVAL_SECS = 15.0
"""Without a terminal, progress is a line this often."""

RATE_WINDOW_SECS = 20.0
"""The rate shown is that of the last seconds, not of the whole step."""


class Display:
    """Draws a run.

    Args:
        stream: where to; live lines only if it is a terminal.
        events_path: the file that steps report to.
        clock: seconds, for tests.
    """

    def __init__(
        self, stream: TextIO, events_path: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = Console(file=stream, highlight=False, soft_wrap=True)
        self._events_path, self._clock = events_path, clock
        self._status: Status | None = None
        self._step, self._step_started_secs = "", 0.0
        self._progress: dict[str, Progress] = {}
        self._plain_shown_secs = 0.0
        self._stop = threading.Event()
        self._offset = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Display:
        self._events_path.touch()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._drain()
        self._end_status()

    def say(self, text: str) -> None:
        """Prints a line, or several."""
        self._console.print(text, markup=False)

    def begin_step(self, title: str) -> None:
        """Shows that a step has begun."""
        with self._lock:
            self._step, self._step_started_secs = title, self._clock()
            self._plain_shown_secs = self._clock()
            self._progress.clear()
            if self._console.is_terminal:
                self._status = self._console.status(f"{title} ...", spinner="dots")
                self._status.start()

    def end_step(self, line: str) -> None:
        """Shows how a step ended, after all it reported itself."""
        self._drain()
        self._end_status()
        self.say(line)

    def _end_status(self) -> None:
        with self._lock:
            if self._status is not None:
                self._status.stop()
                self._status = None

    def _follow(self) -> None:
        while not self._stop.wait(POLL_SECS):
            self._drain()
            self._refresh()

    def _drain(self) -> None:
        with self._lock:
            with self._events_path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
            whole = data.rpartition(b"\n")[0]
            self._offset += len(whole) + 1 if whole else 0
        for line in whole.splitlines():
            self._show(json.loads(line))

    def _show(self, event: dict[str, Any]) -> None:
        if event["kind"] == "note":
            self.say(_indented(event["text"]))
        elif event["kind"] == "epoch":
            self.say(_indented(epoch_line(event)))
        elif event["kind"] == "progress":
            progress = self._progress.setdefault(event["label"], Progress(event["label"]))
            progress.update(event, self._clock())

    def _refresh(self) -> None:
        with self._lock:
            lines = open_lines(self._progress.values())
            if self._status is not None:
                elapsed = f"{self._clock() - self._step_started_secs:.0f} s"
                text = live_text(self._step, "; ".join(lines) or elapsed, self._console.width)
                self._status.update(text)
                return
            due = self._clock() - self._plain_shown_secs > PLAIN_INTERVAL_SECS
            if due and lines:
                self._plain_shown_secs = self._clock()
        if due and lines:
            self.say(_indented("; ".join(lines)))


class Progress:
    """One count of work, summed over the processes that share it."""

    def __init__(self, label: str) -> None:
        self.label, self.within = label, None
        self._unit, self._total = "", None
        self._details: dict[str, Any] = {}
        self._done: dict[int, int] = {}
        self._points: list[tuple[float, int]] = []

    @property
    def is_open(self) -> bool:
        """Whether there is work left, as far as is known."""
        return self._total is None or sum(self._done.values()) < self._total

    def update(self, event: dict[str, Any], now_secs: float) -> None:
        """Takes in a "progress" event."""
        self._unit, self._total = event["unit"], event["total"]
        self.within, self._details = event.get("within"), event.get("details") or {}
        if event["done"] < self._done.get(event["process"], 0):  # the same work once more
            self._points.clear()
        self._done[event["process"]] = event["done"]
        self._points.append((now_secs, sum(self._done.values())))
        while len(self._points) > 2 and now_secs - self._points[0][0] > RATE_WINDOW_SECS:
            self._points.pop(0)

    def line(self) -> str:
        """Returns, for example, "photos read 1,200 of 5,902, 310 photos/s, 15 s left"."""
        done = sum(self._done.values())
        text = f"{self.label} {done:,}"
        if self._total is not None:
            text += f" of {self._total:,}"
        if self._details:
            return f"{text}, {training_text(self._details)}"
        (first_secs, first), (last_secs, last) = self._points[0], self._points[-1]
        if last_secs <= first_secs or last <= first:
            return text
        rate = (last - first) / (last_secs - first_secs)
        text += f", {rate:,.0f} {self._unit}/s"
        if self._total is not None:
            text += f", {duration((self._total - done) / rate)} left"
        return text


def live_text(step: str, text: str, width: int) -> str:
    """Returns a step and what it says of itself, on as many lines as a terminal's width needs."""
    room = width - 3  # for the spinner
    if len(step) + 2 + len(text) <= room:
        return f"{step}  {text}"
    return "\n".join([step, *(f"     {line}" for line in textwrap.wrap(text, max(room - 5, 20)))])


def open_lines(progress: Iterable[Progress]) -> list[str]:
    """Returns a line for each work that goes on; not for one that waits for another within it."""
    going_on = [each for each in progress if each.is_open]
    waiting = {each.within for each in going_on}
    return [each.line() for each in going_on if each.label not in waiting]


def training_text(details: dict[str, Any]) -> str:
    """Returns what training says of its pace, so far as it is known.

    For example "stage 2/3 at 96 px, 310 photos/s (155 a device), data wait 2%, 1 min 20 s left in
    the stage, 8 min 5 s in the run".
    """
    parts = [f"stage {details['stage']}/{details['stages']} at {details['image_size_px']} px"]
    if "rate" in details:
        rate, devices = details["rate"], details["devices"]
        each = f" ({per_second(rate / devices)} a device)" if devices > 1 else ""
        parts.append(f"{per_second(rate)} photos/s{each}")
        parts.append(f"data wait {details['data_wait_share']:.0%}")
    if "run_secs_left" in details:
        parts.append(f"{duration(details['stage_secs_left'])} left in the stage")
        parts.append(f"{duration(details['run_secs_left'])} in the run")
    return ", ".join(parts)


def per_second(rate: float) -> str:
    """Returns a rate as people read it: "0.42", "8.3" or "1,234"."""
    return f"{rate:.2g}" if rate < 10 else f"{rate:,.0f}"


def epoch_line(event: dict[str, Any]) -> str:
    """Returns an epoch's record as a line."""
    return (
        f"stage {event['stage']}/{event['stages']}  {event['image_size_px']} px  "
        f"batch {event['global_batch']}  epoch {event['epoch']:.1f}  "
        f"loss {event['train_loss']:.3f}  val top-1 {event['val_top1']:.1%}  "
        f"top-5 {event['val_top5']:.1%}  "
        f"{event['photos_per_sec']:,.0f} photos/s  data wait {event['data_wait_share']:.0%}"
    )


def _indented(text: str) -> str:
    return "\n".join(f"       {line}" for line in text.splitlines())
