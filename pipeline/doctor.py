"""Whether this machine has what Fieldmark needs, and what to do where it has not.

Looks at versions, cores, memory and disk, and tries the heavy libraries (`doctor_probes`). Each
finding is ok, a warning (something will be slow or is missing for part of the work), or a problem
(the pipeline will not run).

    findings = examine(Path.cwd())
    any(finding.status is Status.PROBLEM for finding in findings)
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil

from pipeline.doctor_probes import PROBES
from pipeline.locked_packages import disagreements, installed_version, locked_versions
from pipeline.machine import cpu_cores, gpu_count

PYTHON_VERSION = (3, 11)

SHOWN_PACKAGES = (
    "tfx",
    "tensorflow",
    "keras",
    "tensorflow-transform",
    "tensorflow-model-analysis",
    "tensorflow-data-validation",
    "apache-beam",
    "ml-metadata",
    "protobuf",
    "numpy",
    "ai-edge-litert",
)
"""Named with their version; all others only when they differ from the lock."""

LOW_MEMORY_BYTES = 8 * 2**30
"""A run of the demo peaks at a few GiB in the trainer, beside Beam."""

LOW_DISK_BYTES = 10 * 2**30
NO_DISK_BYTES = 2**30

PROBE_TIMEOUT_SECS = 300

_NAMES_SHOWN = 8


class Status(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        name: what was looked at.
        status: how it is.
        detail: what was found.
        remedy: what to do; empty when all is well.
    """

    name: str
    status: Status
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class ProbeResult:
    """What a probe said: its answer, or why there is none."""

    answer: Mapping[str, Any] | None
    error: str = ""


def examine(
    directory: Path, run_probe: Callable[[str], ProbeResult] | None = None
) -> list[Finding]:
    """Returns all findings, those that cost nothing first.

    Args:
        directory: where runs will be written; its disk is looked at.
        run_probe: tries a library by its name in PROBES; in a process of its own by default.
    """
    probe = run_probe or run_probe_process
    with ThreadPoolExecutor(max(1, cpu_cores())) as pool:
        # TFX first: it takes the longest.
        order = sorted(PROBES, key=lambda name: name != "tfx")
        results = dict(zip(order, pool.map(probe, order), strict=True))
    return [
        python_finding(sys.version_info[:2]),
        *package_findings(lock_path()),
        cores_finding(cpu_cores()),
        memory_finding(psutil.virtual_memory().total),
        disk_finding(directory, shutil.disk_usage(directory).free),
        gpu_finding(results["tensorflow"], gpu_count()),
        tfx_finding(results["tfx"]),
        *(plain_finding(name, results[name]) for name in ("beam", "ml_metadata", "litert")),
        docker_finding(shutil.which("docker")),
    ]


def run_probe_process(name: str) -> ProbeResult:
    """Runs a probe in a process of its own."""
    command = [sys.executable, "-m", "pipeline.doctor_probes", name]
    root = Path(__file__).resolve().parent.parent
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=root,
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_SECS,
        )
    except subprocess.TimeoutExpired:
        return ProbeResult(None, f"no answer within {PROBE_TIMEOUT_SECS} s")
    if done.returncode == 0:
        return ProbeResult(json.loads(done.stdout.splitlines()[-1]))
    said = done.stderr.strip().splitlines()
    if done.returncode < 0:
        return ProbeResult(None, f"ended by signal {-done.returncode}")
    return ProbeResult(None, said[-1] if said else f"ended with {done.returncode}")


def lock_path() -> Path | None:
    """Returns the lock file beside the code, which an installed package does not have."""
    path = Path(__file__).resolve().parent.parent / "requirements.lock"
    return path if path.is_file() else None


def python_finding(version: tuple[int, int]) -> Finding:
    """Python itself, which TFX is strict about."""
    text = ".".join(map(str, version))
    if version == PYTHON_VERSION:
        return Finding("Python", Status.OK, text)
    return Finding(
        "Python",
        Status.PROBLEM,
        f"{text}; TFX 1.21 needs 3.11",
        "Make the environment: make setup.",
    )


def package_findings(lock: Path | None) -> list[Finding]:
    """Returns a finding with the main versions, and one on the lock."""
    versions = {package: installed_version(package) for package in SHOWN_PACKAGES}
    shown = ", ".join(f"{package} {found or 'missing'}" for package, found in versions.items())
    lacking = None in versions.values()
    main = Finding(
        "packages",
        Status.PROBLEM if lacking else Status.OK,
        shown,
        "Install them: make setup." if lacking else "",
    )
    if lock is None:
        return [main]
    locked = locked_versions(lock)
    wrong = disagreements(locked)
    if not wrong:
        return [main, Finding("lock", Status.OK, f"all {len(locked)} packages as locked")]
    more = f", and {len(wrong) - _NAMES_SHOWN} more" if len(wrong) > _NAMES_SHOWN else ""
    return [
        main,
        Finding(
            "lock",
            Status.PROBLEM if any(d.installed is None for d in wrong) else Status.WARNING,
            f"{len(wrong)} of {len(locked)} packages are not as locked: "
            + ", ".join(map(str, wrong[:_NAMES_SHOWN]))
            + more,
            "Bring the environment in step: make setup.",
        ),
    ]


def cores_finding(cores: int) -> Finding:
    """The cores this process may use."""
    return Finding("CPU", Status.OK, "1 core" if cores == 1 else f"{cores} cores")


def memory_finding(total_bytes: int) -> Finding:
    """The machine's memory."""
    detail = f"{total_bytes / 2**30:.1f} GiB"
    if total_bytes >= LOW_MEMORY_BYTES:
        return Finding("memory", Status.OK, detail)
    return Finding(
        "memory",
        Status.WARNING,
        f"{detail}; less than {LOW_MEMORY_BYTES >> 30} GiB",
        "Lower the trainer's batch sizes, or use a larger machine.",
    )


def disk_finding(directory: Path, free_bytes: int) -> Finding:
    """The disk that runs are written to."""
    detail = f"{free_bytes / 2**30:.1f} GiB free at {directory}"
    if free_bytes >= LOW_DISK_BYTES:
        return Finding("disk", Status.OK, detail)
    return Finding(
        "disk",
        Status.PROBLEM if free_bytes < NO_DISK_BYTES else Status.WARNING,
        detail,
        "Free some space: a run keeps the photos about twice, as records.",
    )


def gpu_finding(result: ProbeResult, driver_gpus: int) -> Finding:
    """Compares the GPUs that TensorFlow can use with those the driver shows."""
    if result.answer is None:
        return _failed("tensorflow", result)
    gpus = result.answer["gpus"]
    if gpus:
        return Finding("tensorflow", Status.OK, f"{len(gpus)} GPU(s): {', '.join(gpus)}")
    if not driver_gpus:
        return Finding("tensorflow", Status.OK, "works; no GPU on this machine, so it uses the CPU")
    return Finding(
        "tensorflow",
        Status.WARNING,
        f"the driver shows {driver_gpus} GPU(s), but TensorFlow cannot use any",
        "Install NVIDIA's libraries: make setup GPU=1.",
    )


def tfx_finding(result: ProbeResult) -> Finding:
    """TFX and each of its components."""
    if result.answer is None:
        return _failed("tfx", result)
    broken = result.answer["broken"]
    if broken:
        return Finding(
            "tfx",
            Status.PROBLEM,
            f"these components could not be imported: {', '.join(broken)}",
            "Bring the environment in step: make setup.",
        )
    return Finding("tfx", Status.OK, "imports, with all its components")


_WORKS = {
    "beam": "FnApiRunner runs a pipeline",
    "ml_metadata": "opens a store",
    "litert": "loads its interpreter",
}


def plain_finding(name: str, result: ProbeResult) -> Finding:
    """A library that either works or does not."""
    if result.answer is None:
        return _failed(name, result)
    return Finding(name, Status.OK, _WORKS[name])


def docker_finding(docker: str | None) -> Finding:
    """Docker is for building worker images only, so its absence is no fault."""
    detail = docker or "not found; needed only to build images for Kubeflow and Beam workers"
    return Finding("docker", Status.OK, detail)


def _failed(name: str, result: ProbeResult) -> Finding:
    return Finding(
        name,
        Status.PROBLEM,
        f"does not work: {result.error}",
        f"See for yourself: python -m pipeline.doctor_probes {name}. Then: make setup.",
    )
