"""A run that dies at any step goes on with the same command, and ends as one that never died."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from forked import Forked
from tiny_run import COMMAND, REPOSITORY, STEPS, TinyRun, environment, versions

from serving.saved_model import model_fingerprint

pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(1800)]

DEADLINE_SECS = 240

ONE_VARIANT = ("--set", "mobile_export.variants=[float32]")
"""Quantising takes the longest of what comes after training, and is not what is killed here."""


def assert_same_state(tiny: TinyRun, expected: TinyRun) -> None:
    """One version of each artifact, the same model, and no execution left running."""
    from pipeline.store import Store

    for kind in ("saved_model", "mobile"):
        assert len(versions(tiny.root / "pushed" / kind)) == 1
    ours, theirs = (
        model_fingerprint(versions(run.root / "pushed" / "saved_model")[0])
        for run in (tiny, expected)
    )
    assert ours == theirs
    assert Store(tiny.root / "metadata.sqlite", "tiny").close_orphans() == []


def test_run_killed_at_the_end_of_every_step_and_while_training_ends_as_one_that_never_was(
    whole_run: TinyRun, tmp_path: Path
) -> None:
    tiny = TinyRun(tmp_path, whole_run.export_dir)
    training = STEPS.index("ProgressiveTrainer")

    said = tiny.run_killed_at_the_ends_of(STEPS[:training], *ONE_VARIANT)
    asked = kill_while_training(tiny, signal.SIGTERM)
    assert "Stopped by SIGTERM. Give the same command again to go on." in asked
    killed = kill_while_training(tiny, signal.SIGKILL)
    assert "training goes on at photo" in killed
    rest = tiny.run_killed_at_the_ends_of(STEPS[training:], *ONE_VARIANT)
    assert "training goes on at photo" in rest
    result = tiny.run(*ONE_VARIANT)

    assert result.returncode == 0, result.stderr
    said += asked + killed + rest + result.stderr
    for step in STEPS:
        assert f"An earlier run was stopped in {step}; going on from there." in said
    assert_same_state(tiny, whole_run)


def kill_while_training(tiny: TinyRun, number: signal.Signals) -> str:
    """What a run said that was sent a signal once it had ended an epoch of training."""
    before = set(tiny.root.glob("logs/*/events.jsonl"))
    log = tiny.work_dir / f"{number.name}.log"
    process = Forked(
        COMMAND,
        *tiny.command(*ONE_VARIANT),
        log=log,
        environment=environment(),
        directory=REPOSITORY,
    )
    trainer = wait_for_epoch(tiny.root, process, before)
    os.kill(process.pid, number)
    assert process.wait(DEADLINE_SECS) == (75 if number == signal.SIGTERM else -number)
    wait_until_gone(trainer)
    return log.read_text()


def wait_for_epoch(root: Path, process: Forked, before: set[Path]) -> int:
    """Returns the id of the training process once it has ended an epoch.

    Args:
        root: of the runs.
        process: the run.
        before: what earlier runs told.
    """
    deadline = time.monotonic() + DEADLINE_SECS
    while time.monotonic() < deadline and process.poll() is None:
        for events in set(root.glob("logs/*/events.jsonl")) - before:
            for line in events.read_text().splitlines():
                if '"kind": "epoch"' in line:
                    return int(json.loads(line)["process"])
        time.sleep(0.05)
    raise AssertionError(f"no epoch ended; the run's exit code is {process.poll()}")


def wait_until_gone(pid: int) -> None:
    """Fails if the training process outlives the run that started it."""
    deadline = time.monotonic() + DEADLINE_SECS
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "the training process outlived its run"
        time.sleep(0.1)
