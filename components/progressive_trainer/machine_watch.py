"""A training of several machines that stands still: found out, and not waited for without end.

An operation that several machines take part in waits until all have come, for hours if need be,
and Python cannot interrupt it. A machine that is gone breaks the connection, which TensorFlow
notices; one that hangs does not. A thread of its own therefore watches the clock, and ends the
process when no step began for too long.

    watch = MachineWatch(cluster, 1800, last_step=stop.last_step, give_up=end)
    watch.start()
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from components.progressive_trainer.cluster import Cluster

LOOK_EVERY_SECS = 5.0


@dataclass(frozen=True)
class MachineWatch:
    """Watches over the steps of one of several machines.

    Attributes:
        cluster: all machines, and which this one is.
        longest_wait_secs: from the beginning of a step to that of the next.
        last_step: gives when a step last began, on `clock`; None before the first of a stage.
        give_up: is told in words what is wrong; ends the process.
        clock: seconds.
    """

    cluster: Cluster
    longest_wait_secs: float
    last_step: Callable[[], float | None]
    give_up: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic

    def start(self) -> None:
        """Watches from now on, in a thread that ends with the process."""
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        while True:
            time.sleep(min(LOOK_EVERY_SECS, self.longest_wait_secs / 4))
            self.look()

    def look(self) -> None:
        """Looks once."""
        last_step = self.last_step()
        if last_step is None:
            return
        waited = self.clock() - last_step
        if waited > self.longest_wait_secs:
            self.give_up(
                f"Training on {self.cluster.workers} machines stands still: no step was taken for "
                f"{waited:.0f} s, and {self.longest_wait_secs:g} s are allowed "
                "(trainer.longest_wait_secs). One of the machines hangs: look at their logs, then "
                "start all of them again to go on from the last checkpoint."
            )
