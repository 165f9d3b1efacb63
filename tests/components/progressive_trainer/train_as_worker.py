"""The training process over the thin network; run by tests in processes of their own.

FIELDMARK_TEST_ACT="step:act" makes the process do something to itself after that step of its own:
"term" (SIGTERM), "kill" (SIGKILL), "hang" (nothing more, for ever). With "disagree" it would never
move the end of a stage.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

from tiny_training import THIN

from components.progressive_trainer import course, loop, networks, worker
from components.progressive_trainer.adaptive import Verdict

SIGNALS = {"term": signal.SIGTERM, "kill": signal.SIGKILL}


class ActingMeter(loop.Meter):
    """Sends this process a signal after a step."""

    steps = 0

    def add(self, count: int) -> None:
        super().add(count)
        step, _, act = os.environ.get("FIELDMARK_TEST_ACT", "0:").partition(":")
        # The first call is about the photos seen before.
        if self.steps == int(step) > 0:
            while act == "hang":
                time.sleep(1.0)
            os.kill(os.getpid(), SIGNALS[act])
            time.sleep(1.0)  # for the thread that hears it
        self.steps += 1


def keep(_: Any, plan: Any, history: Any, **__: Any) -> Verdict:
    return Verdict(plan[history[-1]["stage"]].end_examples, "a clock of its own")


def main(arguments: list[str]) -> int:
    networks.SMALL_WIDTHS = THIN
    patched: Any = loop
    patched.Meter = ActingMeter
    if os.environ.get("FIELDMARK_TEST_ACT", "").endswith("disagree"):
        patched = course
        patched.judge = keep
    return worker.main(arguments)


if __name__ == "__main__":
    worker._end(main(sys.argv[1:]))
