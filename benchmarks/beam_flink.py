"""The data steps on Apache Flink and on Beam's other engines: as fast, and are they the same?

    python benchmarks/beam_flink.py --photos 2400
    python benchmarks/beam_flink.py --photos 600 --runners flink      # against FnApiRunner

Paints a demo export, runs ExportExampleGen, StatisticsGen, Transform and Evaluator on it
(benchmarks/data_steps.py) in Beam's own process (FnApiRunner), in two processes (DirectRunner), on
Beam's job service and on a Flink cluster of two task slots, the last two with workers of
`pipeline.beam_worker_pool`; then compares all they wrote with what FnApiRunner wrote
(benchmarks/same_outputs.py). Seconds include what starts anew for every step: workers that import
TensorFlow, TFX and TFMA. Needs Java, Maven, and Maven Central in reach. Exit code 1: not the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.beam_services import (
    REPOSITORY,
    Service,
    beam_job_service,
    flink_cluster,
    worker_pool,
)
from benchmarks.same_outputs import differences

REFERENCE = "in memory"
IN_MEMORY = ("--runner=FnApiRunner",)
TWO_PROCESSES = (
    "--runner=DirectRunner",
    "--direct_num_workers=2",
    "--direct_running_mode=multi_processing",
    # Workers import what they unpickle; TFDV before TFX would fail.
    "--beam_plugin=tfx",
)
SLOTS = 2


@dataclass(frozen=True)
class Engine:
    """A Beam runner that is ready: its flags, and the processes that work for it."""

    what: str
    beam_args: tuple[str, ...]
    services: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What the data steps took on a runner, by step, and what differs from the reference."""

    what: str
    photos: int
    took: dict[str, dict[str, float]]
    differ: list[str]

    def lines(self) -> Iterator[str]:
        """Yields the rows of the table."""
        same = "yes" if not self.differ else "NO"
        for step in (*self.took, "all"):
            wall, cpu = (
                sum(took[unit] for name, took in self.took.items() if step in (name, "all"))
                for unit in ("wall_secs", "cpu_secs")
            )
            yield (
                f"| {self.what} | {step} | {wall:.1f} | {cpu:.1f} | {self.photos / wall:,.0f} "
                f"| {self.photos / cpu:,.0f} | {same if step == 'all' else ''} |"
            )


@contextmanager
def engine(name: str, directory: Path) -> Iterator[Engine]:
    """Yields one of RUNNERS, ready for jobs.

    Args:
        name: of the runner.
        directory: for logs and jars.
    """
    if name == REFERENCE:
        yield Engine("FnApiRunner, in memory", IN_MEMORY)
        return
    if name == "processes":
        yield Engine("DirectRunner, two processes", TWO_PROCESSES)
        return
    with ExitStack() as stack:
        runner: Service = stack.enter_context(
            flink_cluster(directory, slots=SLOTS)
            if name == "flink"
            else beam_job_service(directory)
        )
        pool = stack.enter_context(worker_pool(directory))
        yield Engine(
            f"{runner.what}, {pool.what}",
            (*runner.beam_args, *pool.beam_args),
            (runner.pid, pool.pid),
        )


RUNNERS = (REFERENCE, "processes", "portable", "flink")


def paint(directory: Path, photos: int, species: int = 24) -> Path:
    """Paints a demo export and returns its directory.

    Args:
        directory: to make it in.
        photos: how many.
        species: how many leaves.
    """
    command = [sys.executable, "-m", "pipeline.cli", "demo-export", str(directory / "export")]
    command += [f"--photos={photos}", f"--species={species}"]
    subprocess.run(command, cwd=REPOSITORY, check=True, stderr=subprocess.DEVNULL)
    return directory / "export"


def run(engine: Engine, export: Path, directory: Path, name: str) -> dict[str, dict[str, float]]:
    """Runs the data steps in a process of their own; returns what each took.

    Args:
        engine: to run on.
        export: to read.
        directory: of this benchmark; outputs go to directory/<name>, the model is shared.
        name: of the run.

    Raises:
        RuntimeError: with the end of its log, if a step fails.
    """
    out, temporary = directory / name, directory / "tmp"
    for folder in (out, temporary):
        folder.mkdir(exist_ok=True)
    command = [sys.executable, "benchmarks/data_steps.py", "--export", str(export)]
    command += ["--out", str(out), "--model", str(directory / "model")]
    command += [f"--beam={arg}" for arg in engine.beam_args]
    command += ["--services", *map(str, engine.services)]
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(REPOSITORY)}
    log = directory / f"{name}.log"
    with log.open("w") as file:
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{engine.what} failed:\n{log.read_text()[-6000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(
    names: Sequence[str], photos: int, directory: Path, species: int = 24
) -> Iterator[Outcome]:
    """Runs the data steps on several runners, and compares their outputs with the first's.

    Args:
        names: of RUNNERS, the reference first.
        photos: how many to paint.
        directory: for everything.
        species: how many leaves.
    """
    export = paint(directory, photos, species)
    for name in names:
        with engine(name, directory) as ready:
            took = run(ready, export, directory, name)
        differ = differences(directory / names[0], directory / name)
        yield Outcome(ready.what, photos, took, differ)


def main() -> None:
    """Prints the table, and what differs."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--photos", type=int, default=2400)
    parser.add_argument("--runners", nargs="+", choices=RUNNERS[1:], default=RUNNERS[1:])
    asked = parser.parse_args()
    print(f"{asked.photos:,} photos, {len(os.sched_getaffinity(0))} cores")
    print("| runner | step | wall s | CPU s | photos/s | photos a CPU second | identical |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    differ: list[str] = []
    with tempfile.TemporaryDirectory(prefix="fieldmark-beam-") as folder:
        for outcome in compare([REFERENCE, *asked.runners], asked.photos, Path(folder)):
            print("\n".join(outcome.lines()), flush=True)
            differ += [f"{outcome.what}: {line}" for line in outcome.differ]
    for line in differ:
        print(line)
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
