"""The training process over the thin network; run by tests in processes of their own.

FIELDMARK_TEST_ACT="step:act" makes the process do something to itself after that step of its own:
"term" (SIGTERM), "kill" (SIGKILL), "hang" (nothing more, for ever). With "disagree" it would never
move the end of a stage; with "photo:overflow" its gradients overflow in the step from that photo of
the run on.

FIELDMARK_TEST_EXPORTS=0 leaves the SavedModel out.

Who is not the chief writes its variables, as a checkpoint has them, beside the job.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from overflow import overflowing
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
        if self.steps == int(step) > 0 and act in ("hang", *SIGNALS):
            while act == "hang":
                time.sleep(1.0)
            os.kill(os.getpid(), SIGNALS[act])
            time.sleep(1.0)  # for the thread that hears it
        self.steps += 1


def calibrating(trained: Any, *given: Any) -> Any:
    devices = trained.devices
    if not devices.is_chief:
        values = {str(at): each.numpy() for at, each in enumerate(trained._variables)}
        np.savez(Path(sys.argv[1]).with_name(f"variables-{devices.share.worker}.npz"), **values)
    return calibrate(trained, *given)


calibrate = worker._calibrate


def keep(_: Any, plan: Any, history: Any, **__: Any) -> Verdict:
    return Verdict(plan[history[-1]["stage"]].end_examples, "a clock of its own")


def main(arguments: list[str]) -> int:
    networks.SMALL_WIDTHS = THIN
    patched: Any = loop
    patched.Meter = ActingMeter
    if os.environ.get("FIELDMARK_TEST_ACT", "").endswith("disagree"):
        patched = course
        patched.judge = keep
    patched = worker
    patched._calibrate = calibrating
    if os.environ.get("FIELDMARK_TEST_EXPORTS") == "0":
        patched.export_saved_model = lambda *_, **__: None
    photo, _, act = os.environ.get("FIELDMARK_TEST_ACT", "0:").partition(":")
    with overflowing(int(photo)) if act == "overflow" else nullcontext():
        return worker.main(arguments)


if __name__ == "__main__":
    worker._end(main(sys.argv[1:]))
