from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline import doctor
from pipeline.cli import fieldmark
from pipeline.commands.doctor import as_text
from pipeline.doctor import Finding, ProbeResult, Status, examine
from pipeline.doctor_probes import PROBES

HEALTHY = {
    "tensorflow": {"gpus": []},
    "tfx": {"broken": []},
    "beam": {},
    "ml_metadata": {},
    "litert": {},
}


def healthy(name: str) -> ProbeResult:
    return ProbeResult(HEALTHY[name])


def broken(name: str) -> ProbeResult:
    return ProbeResult(None, "ImportError: no way")


def test_a_machine_in_order_has_no_problem(tmp_path: Path) -> None:
    findings = examine(tmp_path, healthy)
    assert [finding.name for finding in findings] == [
        *("Python", "packages", "lock", "CPU", "memory", "disk"),
        *("tensorflow", "tfx", "beam", "ml_metadata", "litert", "docker"),
    ]
    assert Status.PROBLEM not in {finding.status for finding in findings}
    assert set(HEALTHY) == set(PROBES)


def test_a_library_that_fails_is_a_problem_with_a_way_on(tmp_path: Path) -> None:
    problems = [f for f in examine(tmp_path, broken) if f.status is Status.PROBLEM]
    assert [finding.name for finding in problems] == list(PROBES)
    assert problems[0] == Finding(
        "tensorflow",
        Status.PROBLEM,
        "does not work: ImportError: no way",
        "See for yourself: python -m pipeline.doctor_probes tensorflow. Then: make setup.",
    )


def test_another_python_is_a_problem() -> None:
    assert doctor.python_finding((3, 11)).status is Status.OK
    assert doctor.python_finding((3, 12)) == Finding(
        "Python",
        Status.PROBLEM,
        "3.12; TFX 1.21 needs 3.11",
        "Make the environment: make setup.",
    )


def test_packages_that_are_not_as_locked(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("click==0.1\n" + "".join(f"no-such-{n}==1\n" for n in range(9)))
    (main, finding) = doctor.package_findings(lock)
    assert main.status is Status.OK
    assert (finding.name, finding.status) == ("lock", Status.PROBLEM)
    assert finding.detail.startswith("10 of 10 packages are not as locked: click is ")
    assert finding.detail.endswith("no-such-6 missing (locked: 1), and 2 more")
    assert finding.remedy == "Bring the environment in step: make setup."
    lock.write_text("click==0.1\n")
    assert doctor.package_findings(lock)[1].status is Status.WARNING
    assert len(doctor.package_findings(None)) == 1


def test_a_missing_spine_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "installed_version", lambda package: None)
    (finding,) = doctor.package_findings(None)
    assert finding.status is Status.PROBLEM
    assert finding.detail.startswith("tfx missing, tensorflow missing, ")
    assert finding.remedy == "Install them: make setup."


@pytest.mark.parametrize(
    ("free_gib", "status"), [(100, Status.OK), (5, Status.WARNING), (0.5, Status.PROBLEM)]
)
def test_disk(free_gib: float, status: Status) -> None:
    finding = doctor.disk_finding(Path("/runs"), int(free_gib * 2**30))
    assert (finding.status, finding.detail) == (status, f"{free_gib:.1f} GiB free at /runs")


def test_memory_and_cores() -> None:
    assert doctor.memory_finding(16 * 2**30) == Finding("memory", Status.OK, "16.0 GiB")
    assert doctor.memory_finding(4 * 2**30) == Finding(
        "memory",
        Status.WARNING,
        "4.0 GiB; less than 8 GiB",
        "Lower the trainer's batch sizes, or use a larger machine.",
    )
    assert [doctor.cores_finding(n).detail for n in (1, 2)] == ["1 core", "2 cores"]


@pytest.mark.parametrize(
    ("gpus", "driver_gpus", "status", "detail"),
    [
        (["NVIDIA A", "NVIDIA B"], 2, Status.OK, "2 GPU(s): NVIDIA A, NVIDIA B"),
        ([], 0, Status.OK, "works; no GPU on this machine, so it uses the CPU"),
        (
            [],
            1,
            Status.WARNING,
            "the driver shows 1 GPU(s), but TensorFlow cannot use any",
        ),
    ],
)
def test_gpus(gpus: list[str], driver_gpus: int, status: Status, detail: str) -> None:
    finding = doctor.gpu_finding(ProbeResult({"gpus": gpus}), driver_gpus)
    assert (finding.status, finding.detail) == (status, detail)
    assert ("make setup GPU=1" in finding.remedy) == (status is Status.WARNING)


def test_a_tfx_component_that_is_none_is_a_problem() -> None:
    finding = doctor.tfx_finding(ProbeResult({"broken": ["Evaluator", "Pusher"]}))
    assert finding.status is Status.PROBLEM
    assert finding.detail == "these components could not be imported: Evaluator, Pusher"


def test_docker_is_never_missed() -> None:
    assert doctor.docker_finding(None).status is Status.OK
    assert doctor.docker_finding("/usr/bin/docker").detail == "/usr/bin/docker"


class Ended:
    """Stands in for the end of a process."""

    def __init__(self, returncode: int, stdout: str = "", stderr: str = "") -> None:
        self.returncode, self.stdout, self.stderr = returncode, stdout, stderr


@pytest.mark.parametrize(
    ("ended", "result"),
    [
        (Ended(0, 'chatter\n{"gpus": []}\n'), ProbeResult({"gpus": []})),
        (Ended(1, "", "Traceback\nImportError: x\n"), ProbeResult(None, "ImportError: x")),
        (Ended(1), ProbeResult(None, "ended with 1")),
        (Ended(-4, "", "noise"), ProbeResult(None, "ended by signal 4")),
    ],
)
def test_how_a_probe_may_end(
    monkeypatch: pytest.MonkeyPatch, ended: Ended, result: ProbeResult
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    assert doctor.run_probe_process("tensorflow") == result


def test_a_probe_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("python", 300)

    monkeypatch.setattr(subprocess, "run", hang)
    assert doctor.run_probe_process("tfx") == ProbeResult(None, "no answer within 300 s")


@pytest.mark.parametrize("name", ["ml_metadata", "litert"])
def test_a_probe_in_a_process_of_its_own(name: str) -> None:
    result = doctor.run_probe_process(name)
    assert result.error == ""
    assert result.answer


def test_beam_runs_here() -> None:
    assert doctor.run_probe_process("beam") == ProbeResult({})


def test_text_shows_the_remedy_below() -> None:
    findings = [
        Finding("CPU", Status.OK, "2 cores"),
        Finding("disk", Status.WARNING, "5.0 GiB free", "Free some space."),
    ]
    assert as_text(findings) == (
        "ok       CPU: 2 cores\nwarning  disk: 5.0 GiB free\n         -> Free some space."
    )


@pytest.mark.parametrize(("probe", "code"), [(healthy, 0), (broken, 1)])
def test_the_command_ends_with_one_on_a_problem(
    monkeypatch: pytest.MonkeyPatch, probe: Any, code: int
) -> None:
    monkeypatch.setattr(doctor, "run_probe_process", probe)
    result = CliRunner().invoke(fieldmark, ["doctor", "--json"], standalone_mode=False)
    assert result.return_value == code
    document = json.loads(result.stdout)
    assert document["healthy"] == (code == 0)
    assert document["findings"][0] == {
        "name": "Python",
        "status": "ok",
        "detail": "3.11",
        "remedy": "",
    }
