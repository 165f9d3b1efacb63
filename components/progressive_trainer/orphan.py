"""A process that ends when the one that started it is gone, so that nothing is left holding GPUs.

end_when_orphaned()               # at the start of a process; returns at once
"""

from __future__ import annotations

import logging
import os
import threading
import time

CHECK_SECS = 1.0


def end_when_orphaned() -> None:
    """Watches from a thread of its own for the rest of the process."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(CHECK_SECS)
    logging.error("The process that started this training is gone; ending.")
    os._exit(1)
