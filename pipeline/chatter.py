"""TFX, Beam and TensorFlow talk to a log file; the terminal stays ours.

They write through Python's logging, through C++ to file descriptor 2, and from child processes, so
the descriptors themselves are turned to the log for the time of a run.

    with chatter_to(log_path) as terminal:
        print("reading 5,902 photos", file=terminal)
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def chatter_to(log_path: Path) -> Iterator[TextIO]:
    """Turns standard output and error to a file, and yields what was standard error.

    Args:
        log_path: appended to; its directory must be there.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved_out, saved_err = os.dup(1), os.dup(2)
    log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    terminal = os.fdopen(os.dup(saved_err), "w", buffering=1)
    try:
        yield terminal
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        root.removeHandler(handler)
        terminal.close()
        os.dup2(saved_out, 1)
        os.dup2(saved_err, 2)
        os.close(saved_out)
        os.close(saved_err)
