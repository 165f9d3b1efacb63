"""What a benchmark starts around Beam: Flink, Beam's job service, a pool of workers.

Everything started here ends with its `with`. Flink's runner comes from Maven Central by its
coordinates, through Maven; no host is named here.

    with flink_cluster(Path("work"), slots=2) as flink, worker_pool(Path("work")) as pool:
        args = [*flink.beam_args, *pool.beam_args]
"""

from __future__ import annotations

import importlib.metadata
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
FLINK_VERSION = "1.19"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"
DRIVER = "org.apache.beam.runners.flink.FlinkJobServerDriver"
WAIT_SECS = 120
NO_TFX_PACKAGE = "--sdk_container_image=unused"
"""Keeps TFX from packing itself: the workers have it."""

OLDER_RUNNER = "2.62.0"
"""Newest release of Beam of which all parts of the runner for Flink 1.19 were to be had where this
was written: the mirror there had no job-server jar at all. Beam's protocol between runner and
Python is the same in both."""

POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>fieldmark</groupId><artifactId>flink</artifactId><version>1</version>
<dependencies><dependency><groupId>org.apache.beam</groupId>
<artifactId>beam-runners-flink-{flink}</artifactId><version>{beam}</version>
</dependency></dependencies></project>
"""


class NotToBeHad(RuntimeError):
    """A program or a library that is needed is not on this machine and not in reach."""


@dataclass(frozen=True)
class Service:
    """Something that runs: its process, what it is, and the flags by which Beam finds it."""

    pid: int
    what: str
    beam_args: tuple[str, ...]


def beam_version() -> str:
    """Returns the version of Beam that is installed, which is the lock's."""
    return importlib.metadata.version("apache-beam")


def flink_jars(directory: Path) -> tuple[str, str]:
    """Fetches Flink with Beam's runner; returns (Java's class path, the runner's version).

    First the job-server jar of the locked Beam; where the repository does not serve it, the parts
    of the newest runner that it does serve.

    Args:
        directory: for the jars.

    Raises:
        NotToBeHad: if Java or Maven is missing, or neither can be fetched.
    """
    for program in ("java", "mvn"):
        if not shutil.which(program):
            raise NotToBeHad(f"{program} is not on the PATH (Debian: default-jre-headless, maven).")
    version = beam_version()
    artifact = f"org.apache.beam:beam-runners-flink-{FLINK_VERSION}-job-server:{version}"
    jars = directory / "jars"
    if _maven(directory, f"{COPY}:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={jars}"):
        version = OLDER_RUNNER
        (directory / "pom.xml").write_text(POM.format(flink=FLINK_VERSION, beam=version))
        why = _maven(
            directory,
            f"{COPY}:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={jars}",
        )
        if why:
            raise NotToBeHad(f"Maven cannot fetch Beam's runner for Flink: {why}")
    return f"{jars}/*", version


def _maven(directory: Path, *arguments: str) -> str:
    """Runs Maven; returns what it complains of, or nothing."""
    directory.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mvn", "-B", "-q", *arguments], cwd=directory, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if "ERROR" in line]
    return (lines or [done.stderr or "no reason given"])[0] if done.returncode else ""


@contextmanager
def flink_cluster(directory: Path, *, slots: int) -> Iterator[Service]:
    """Yields a job server with a Flink cluster inside it, of as many task slots.

    Args:
        directory: for jars, logs and what is staged.
        slots: each runs one worker of its own.
    """
    class_path, version = flink_jars(directory)
    port, artifact_port = free_port(), free_port()
    command = ["java", "-Xmx1g", "-cp", class_path, DRIVER, "--flink-master=[local]"]
    command += ["--job-host=localhost", f"--job-port={port}", f"--artifact-port={artifact_port}"]
    command += ["--expansion-port=0", f"--artifacts-dir={directory / 'staged'}"]
    flags = [f"--job_endpoint=localhost:{port}", f"--parallelism={slots}"]
    flags += [f"--sdk_worker_parallelism={slots}", "--runner=PortableRunner"]
    what = f"Flink {FLINK_VERSION}, {slots} slots, Beam's runner {version}"
    with _running(command, directory / "flink.log", port) as pid:
        yield Service(pid, what, tuple(flags))


@contextmanager
def beam_job_service(directory: Path) -> Iterator[Service]:
    """Yields Beam's own job service in a process of its own.

    Args:
        directory: for its log and what is staged.
    """
    port = free_port()
    module = "apache_beam.runners.portability.local_job_service_main"
    command = [sys.executable, "-m", module, "--port", str(port)]
    command += ["--staging_dir", str(directory / "staged")]
    with _running(command, directory / "job-service.log", port) as pid:
        flags = ("--runner=PortableRunner", f"--job_endpoint=localhost:{port}")
        yield Service(pid, "Beam's job service", flags)


@contextmanager
def worker_pool(directory: Path) -> Iterator[Service]:
    """Yields a pool of workers (pipeline.beam_worker_pool).

    Args:
        directory: for its log.
    """
    port = free_port()
    command = [sys.executable, "-m", "pipeline.beam_worker_pool", f"--port={port}"]
    with _running(command, directory / "pool.log", port) as pid:
        flags = ("--environment_type=EXTERNAL", f"--environment_config=localhost:{port}")
        yield Service(pid, "worker pool", (*flags, NO_TFX_PACKAGE))


def free_port() -> int:
    """Returns a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return int(listener.getsockname()[1])


@contextmanager
def _running(command: list[str], log: Path, port: int) -> Iterator[int]:
    """Yields the pid of a process that has begun to listen, and ends it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=file, stderr=file)
    try:
        _wait_for(port, process, log)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + WAIT_SECS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as caller:
            caller.settimeout(1)
            if caller.connect_ex(("localhost", port)) == 0:
                return
        time.sleep(0.2)
    raise RuntimeError(f"{process.args} does not listen on {port}:\n{log.read_text()[-2000:]}")
