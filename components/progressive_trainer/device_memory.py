"""How much memory the device of a replica has.

A GPU's is asked of the NVIDIA driver: TensorFlow only says what it has taken itself. A CPU's is the
machine's, or the container's where that is allowed less.

    device_memory_bytes()       # 25_769_803_776, or None where nobody says
"""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from pathlib import Path

import tensorflow as tf

CGROUP_LIMITS = (
    "sys/fs/cgroup/memory.max",
    "sys/fs/cgroup/memory/memory.limit_in_bytes",
)
"""Of a container: cgroup version 2, and 1."""

_ASK_SECS = 20.0


def device_memory_bytes() -> int | None:
    """Returns the memory of the smallest GPU, or of a machine without any."""
    if tf.config.list_physical_devices("GPU"):
        return smallest_gpu_bytes(_nvidia_smi())
    return host_memory_bytes(Path("/"))


def host_memory_bytes(root: Path) -> int | None:
    """Returns what processes of this machine, or container, may take; None if it is not said.

    Args:
        root: of the file system.
    """
    limits = []
    meminfo = root / "proc/meminfo"
    if meminfo.is_file():
        total = re.search(r"^MemTotal: +(\d+) kB", meminfo.read_text(), re.MULTILINE)
        limits += [int(total[1]) * 1024] if total else []
    for name in CGROUP_LIMITS:
        file = root / name
        text = file.read_text().strip() if file.is_file() else ""
        limits += [int(text)] if text.isdigit() else []
    return min(limits, default=None)


def smallest_gpu_bytes(said: str) -> int | None:
    """Returns the memory of the smallest GPU; None if none is named.

    Args:
        said: by nvidia-smi, a line of MiB for each GPU.
    """
    sizes = [int(line) * 2**20 for line in said.split() if line.isdigit()]
    return min(sizes, default=None)


def _nvidia_smi() -> str:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    query = [tool, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, check=False, timeout=_ASK_SECS)
    except subprocess.TimeoutExpired:  # a GPU that fell off the bus; what is asked for is a note
        logging.warning("nvidia-smi gave no answer for %.0f s: not asked further.", _ASK_SECS)
        return ""
    return done.stdout if done.returncode == 0 else ""
