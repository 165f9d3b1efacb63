from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

from components.progressive_trainer.stop_request import StopRequest

# The main thread waits in C, as it does in a collective operation whose other side is gone: no
# handler of Python's own would run.
CODE = textwrap.dedent("""
    import ctypes, logging, sys, threading, time
    from components.progressive_trainer.stop_request import StopRequest
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    stop = StopRequest()
    stop.listen()
    def say():
        print("listening", flush=True)
        while not stop.requested:
            time.sleep(0.01)
        print("asked", flush=True)
    threading.Thread(target=say, daemon=True).start()
    libc = ctypes.CDLL(None)
    while True:
        libc.poll(None, 0, 60_000)
""")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_first_signal_asks_and_the_second_ends_the_process_at_once(name: str) -> None:
    number = signal.Signals[name]
    process = subprocess.Popen(
        [sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "listening\n"
    process.send_signal(number)
    assert process.stdout.readline() == "asked\n"
    assert process.poll() is None
    process.send_signal(number)
    _, log = process.communicate(timeout=60)

    assert process.returncode == 128 + number
    assert log == (
        f"Signal {number:d}: training finishes its step, writes a checkpoint and ends. "
        "A second signal ends it at once.\n"
        f"A second signal ({number:d}): ending at once.\n"
    )


def test_stage_that_begins_has_no_last_step() -> None:
    stop = StopRequest()
    stop.flag()
    assert stop.last_step() is not None
    stop.begin_stage()  # photos are skipped now, for longer than machines wait for a step
    assert stop.last_step() is None
