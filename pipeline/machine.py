"""What this machine has, asked of the system and not of TensorFlow."""

from __future__ import annotations

import os
import re
from pathlib import Path

NVIDIA_DEVICE = re.compile(r"nvidia\d+")


def gpu_count(device_dir: Path = Path("/dev")) -> int:
    """Returns the number of NVIDIA GPUs that training can see.

    Args:
        device_dir: where the driver makes a file `nvidia<N>` for each.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    present = sum(bool(NVIDIA_DEVICE.fullmatch(path.name)) for path in device_dir.iterdir())
    if visible is None:
        return present
    return min(present, len([name for name in visible.split(",") if name not in ("", "-1")]))


def cpu_cores() -> int:
    """Returns the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))
