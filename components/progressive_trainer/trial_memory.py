"""What a training step takes of the device's memory, and whether a larger one would fit.

A GPU's allocator says when it is full, and what the peak was. A CPU's does not: the kernel kills
the process. There the growth of the process per photo is measured, and what a larger batch would
take is worked out before it is tried.

    memory = trial_memory(share=0.8, replicas=1)
    memory.name, memory.total_bytes
    memory.expected(64)              # None, or why 64 photos would not fit, in words
    memory.taken(32)                 # after a step with 32: what it took
"""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Protocol

import tensorflow as tf
from tensorflow.python.client import device_lib

_GB = 1e9


class Memory(Protocol):
    """What a search for a batch asks."""

    name: str
    total_bytes: int

    def expected(self, batch: int) -> str | None:
        """Why a step with so many photos is not to be tried, in words; None if it may fit."""

    def taken(self, batch: int) -> tuple[bool, str]:
        """After steps with so many photos: whether they stayed within the share, and in words."""


class GpuMemory:
    """The first GPU's.

    Args:
        share: of it that a step may take, 0..1.
    """

    def __init__(self, share: float) -> None:
        gpus = tf.config.list_physical_devices("GPU")
        for gpu in gpus:  # TensorFlow starts none unless it is the same for all
            tf.config.experimental.set_memory_growth(gpu, True)
        details = tf.config.experimental.get_device_details(gpus[0])
        self.name = str(details.get("device_name", "GPU"))
        local = [each for each in device_lib.list_local_devices() if each.device_type == "GPU"]
        self.total_bytes, self._share = int(local[0].memory_limit), share

    def expected(self, batch: int) -> str | None:
        """Nothing: a GPU is asked by trying."""
        del batch
        tf.config.experimental.reset_memory_stats("GPU:0")
        return None

    def taken(self, batch: int) -> tuple[bool, str]:
        """By the peak of TensorFlow's allocator."""
        del batch
        peak = tf.config.experimental.get_memory_info("GPU:0")["peak"]
        return _within(int(peak), int(self.total_bytes * self._share), "taken")


class CpuMemory:
    """This machine's, of which `available_bytes` are free when the search begins.

    Args:
        share: of what is free that a step may take, 0..1.
        replicas: that share the machine.
        available_bytes: free; None: ask the system.
        peak_bytes: gives the largest size that this process has had, for tests.
    """

    def __init__(
        self,
        share: float,
        replicas: int,
        *,
        available_bytes: int | None = None,
        peak_bytes: object = None,
    ) -> None:
        self.name = f"{_cpu_name()}, {len(os.sched_getaffinity(0))} cores"
        self.total_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        free = available_bytes if available_bytes is not None else available_memory()
        self._budget = int(share * free / replicas)
        self._peak = peak_bytes if callable(peak_bytes) else _peak_bytes
        self._start = self._peak()
        self._measured: list[tuple[int, int]] = []

    def expected(self, batch: int) -> str | None:
        """By the growth per photo between the last two batches; of one alone, by all it took."""
        if not self._measured:
            return None
        needs = self._extrapolated(batch)
        fits, words = _within(needs, self._budget, "expected by the growth of smaller batches")
        return None if fits else words

    def taken(self, batch: int) -> tuple[bool, str]:
        """By the growth of this process since the search began."""
        self._measured.append((batch, self._peak() - self._start))
        return _within(self._measured[-1][1], self._budget, "taken")

    def _extrapolated(self, batch: int) -> int:
        last, taken = self._measured[-1]
        before, taken_before = self._measured[-2] if len(self._measured) > 1 else (0, 0)
        return taken + (taken - taken_before) * (batch - last) // max(1, last - before)


def trial_memory(*, share: float, replicas: int) -> Memory:
    """Returns the memory of the first GPU, or of this machine where there is none.

    Args:
        share: of it that a step may take, 0..1.
        replicas: that share a CPU.
    """
    if tf.config.list_physical_devices("GPU"):
        return GpuMemory(share)
    return CpuMemory(share, replicas)


def available_memory(root: Path = Path("/")) -> int:
    """Returns the bytes that a process may still take: free on the machine, and in its container.

    Args:
        root: of the file systems `proc` and `sys`, for tests.
    """
    meminfo = (root / "proc/meminfo").read_text()
    match = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo, re.M)
    assert match is not None, "Linux has said so since 3.14"
    free = int(match[1]) * 1024
    group = root / "sys/fs/cgroup"
    limit, used = group / "memory.max", group / "memory.current"
    if limit.is_file() and used.is_file() and limit.read_text().strip() != "max":
        left = int(limit.read_text()) - int(used.read_text()) + _given_up_bytes(group)
        free = min(free, left)
    return max(0, free)


def _given_up_bytes(group: Path) -> int:
    """Counted as used though the kernel gives it up when asked: files that were read, once."""
    stat = group / "memory.stat"
    match = re.search(r"^inactive_file (\d+)", stat.read_text() if stat.is_file() else "", re.M)
    return int(match[1]) if match else 0


def _within(needed: int, allowed: int, how: str) -> tuple[bool, str]:
    return needed <= allowed, f"{needed / _GB:,.1f} GB {how}, {allowed / _GB:,.1f} GB allowed"


def _peak_bytes() -> int:
    match = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    assert match is not None, "Linux says so of every process"
    return int(match[1]) * 1024


def _cpu_name() -> str:
    match = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    return match[1] if match else platform.machine()
