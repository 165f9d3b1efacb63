from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import tensorflow as tf

from components.progressive_trainer import trial_memory as module
from components.progressive_trainer.trial_memory import CpuMemory, available_memory, trial_memory

GB = 10**9


def memory(peaks: Iterator[int], *, free: int, share: float = 0.5, replicas: int = 1) -> CpuMemory:
    return CpuMemory(share, replicas, available_bytes=free, peak_bytes=lambda: next(peaks))


def test_larger_batch_is_not_tried_where_the_growth_says_that_it_would_not_fit() -> None:
    # 2 GB before; then 8 photos take 1 GB, most of it once, and each further one 0.1 GB.
    cpu = memory(iter([2 * GB, 3 * GB, 3_800_000_000]), free=8 * GB)

    assert cpu.expected(8) is None
    assert cpu.taken(8) == (True, "1.0 GB taken, 4.0 GB allowed")
    assert cpu.expected(16) is None
    assert cpu.taken(16) == (True, "1.8 GB taken, 4.0 GB allowed")
    assert cpu.expected(32) is None
    assert cpu.expected(40) == ("4.2 GB expected by the growth of smaller batches, 4.0 GB allowed")


def test_memory_of_all_gpus_grows_though_one_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus, grow = ["gpu 0", "gpu 1"], dict[str, bool]()
    devices = [SimpleNamespace(device_type="GPU", memory_limit=8 * GB) for _ in gpus]
    experimental = tf.config.experimental
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: gpus)
    monkeypatch.setattr(experimental, "set_memory_growth", grow.__setitem__)
    monkeypatch.setattr(experimental, "get_device_details", lambda gpu: {"device_name": f"a {gpu}"})
    monkeypatch.setattr(module.device_lib, "list_local_devices", lambda: devices)

    memory = trial_memory(share=0.5, replicas=1)

    assert grow == {"gpu 0": True, "gpu 1": True}
    assert (memory.name, memory.total_bytes) == ("a gpu 0", 8 * GB)


def test_replicas_share_what_is_free() -> None:
    cpu = memory(iter([0, 2 * GB]), free=8 * GB, replicas=4)
    assert cpu.taken(8) == (False, "2.0 GB taken, 1.0 GB allowed")


@pytest.mark.parametrize(
    ("limit", "used", "free"), [("max", "1", 4096), ("3000", "1000", 2000), ("9999999", "5", 4096)]
)
def test_free_memory_is_the_machines_or_what_its_container_leaves(
    tmp_path: Path, limit: str, used: str, free: int
) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 8 kB\nMemAvailable:        4 kB\n")
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/memory.max").write_text(f"{limit}\n")
    (tmp_path / "sys/fs/cgroup/memory.current").write_text(f"{used}\n")
    assert available_memory(tmp_path) == free


def test_files_that_a_container_has_read_leave_as_much_memory_as_before(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemAvailable: 9 kB\n")
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("3000\n")
    (group / "memory.current").write_text("2900\n")
    (group / "memory.stat").write_text("anon 1000\nactive_file 200\ninactive_file 1700\n")
    assert available_memory(tmp_path) == 1800
