"""How a step tells the person in front of the terminal what it is doing.

Steps run in TFX executors, Beam workers and training processes, whose own output goes to the log
file. What a person should see goes as one JSON line to the file named by FIELDMARK_EVENTS, which
the runner follows and draws; without that variable nothing is written. Lines are appended in one
write each, so several processes may share the file.

    emit("note", text="stage 2: 128 px, batch 64")
    meter = Meter("photos read", total=5902, unit="photos")
    for photo in photos:
        meter.add(1)
    meter.close()
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

EVENTS_VARIABLE = "FIELDMARK_EVENTS"
"""Environment variable with the path of the events file."""

METER_INTERVAL_SECS = 0.5
"""A meter reports at most this often: more would only cost time."""


def emit(kind: str, **fields: object) -> None:
    """Appends one event.

    Args:
        kind: "note" (text), "progress" (label, done, total, unit, and what `Meter` says more), or
            one of the runner's own.
        fields: JSON-able values.
    """
    path = os.environ.get(EVENTS_VARIABLE)
    if not path:
        return
    line = json.dumps({"kind": kind, "process": os.getpid(), **fields}) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


class Meter:
    """Counts work and reports it now and then.

    Args:
        label: what is being done, for example "photos read".
        total: how many there are in all; None if unknown.
        unit: what is counted, in plural.
        within: label of another meter's work, which stands still meanwhile.
        details: gives JSON-able values to report beside the count; asked only when it is reported.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        label: str,
        *,
        total: int | None,
        unit: str,
        within: str | None = None,
        details: Callable[[], dict[str, Any]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label, self._total, self._unit, self._clock = label, total, unit, clock
        self._within, self._details = within, details
        self.done = 0
        self._reported_secs = float("-inf")

    def add(self, count: int) -> None:
        """Counts `count` more."""
        self.done += count
        if self._clock() - self._reported_secs >= METER_INTERVAL_SECS:
            self._report()

    def expect(self, total: int) -> None:
        """Takes back how many there are in all: the plan has changed."""
        self._total = total

    def close(self) -> None:
        """Reports the final count."""
        self._report()

    def _report(self) -> None:
        self._reported_secs = self._clock()
        emit(
            "progress",
            label=self._label,
            done=self.done,
            total=self._total,
            unit=self._unit,
            within=self._within,
            details=self._details() if self._details else {},
        )
