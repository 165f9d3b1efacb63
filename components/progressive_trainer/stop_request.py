"""A signal that asks the training to stop: SIGTERM, or SIGINT where it is started by hand.

The first asks: the loop finishes its step, writes a checkpoint and raises `TrainingStopped`. The
second ends the process at once, even where it hangs in a collective operation or in a kernel: the
signals are counted by a thread of their own, for Python runs a handler only between two
instructions of the main thread.

    stop = StopRequest()
    stop.listen()
    ...
    if stop.requested: ...
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class TrainingStopped(Exception):
    """Training was asked to stop, did so after a step, and can go on from there.

    Args:
        examples_seen: photos of the run seen by then.
        saved: whether a checkpoint of that place was written.
    """

    def __init__(self, examples_seen: int, *, saved: bool) -> None:
        self.examples_seen = examples_seen
        kept = "A checkpoint of that place is written" if saved else "Nothing new could be written"
        super().__init__(
            f"Training was asked to stop, and did after photo {examples_seen:,} of the run. "
            f"{kept}; started again with the same settings, training goes on."
        )


class StopRequest:
    """Whether this process was asked to stop."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._pipe: int | None = None
        self._step_secs: float | None = None

    @property
    def requested(self) -> bool:
        """True after the first signal."""
        return self._asked.is_set()

    def flag(self) -> float:
        """1 after the first signal, else 0: what a step adds up over machines; asked at each."""
        self._step_secs = time.monotonic()
        return float(self.requested)

    def last_step(self) -> float | None:
        """When a step last asked, on the monotonic clock; None before the first of a stage."""
        return self._step_secs

    def begin_stage(self) -> None:
        """A stage begins: photos before its place in the epoch may have to be skipped, for long."""
        self._step_secs = None

    def ask(self) -> None:
        """Asks as a signal would."""
        self._asked.set()

    def listen(self) -> None:
        """Takes the signals over, from the main thread, for the rest of the process.

        To be called again after TensorFlow has joined other machines: its preemption notifier takes
        SIGTERM for itself then.
        """
        if self._pipe is None:
            reading, self._pipe = os.pipe()
            os.set_blocking(self._pipe, False)
            signal.set_wakeup_fd(self._pipe, warn_on_full_buffer=False)
            threading.Thread(target=self._follow, args=(reading,), daemon=True).start()
        for number in SIGNALS:
            # The handler itself does nothing; that there is one makes Python write to the pipe.
            signal.signal(number, lambda signum, frame: None)

    def _follow(self, reading: int) -> None:
        while True:
            for number in os.read(reading, 1):
                if number not in SIGNALS:
                    continue
                if self.requested:
                    logging.error("A second signal (%d): ending at once.", number)
                    os._exit(128 + number)
                logging.warning(
                    "Signal %d: training finishes its step, writes a checkpoint and ends. "
                    "A second signal ends it at once.",
                    number,
                )
                self.ask()
