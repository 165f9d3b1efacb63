"""A run that dies at any step goes on with the same command, and ends as one that never died."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_run import REPOSITORY, STEPS, TinyRun, environment, versions

from serving.saved_model import model_fingerprint

pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(1800)]

DIE_BEFORE_THE_END_OF_EACH = """
import os, signal, sys
import tensorflow_model_analysis, tensorflow_transform, tfx.v1
from tfx.orchestration.portable import launcher
from pipeline.cli import main

publish = launcher.Launcher._publish_successful_execution
for step in {steps!r}:
    def die(self, *args, **kwargs):
        if self._pipeline_node.node_info.id == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return publish(self, *args, **kwargs)
    launcher.Launcher._publish_successful_execution = die
    process = os.fork()
    if not process:
        main()
        os._exit(0)
    ended = os.waitpid(process, 0)[1]
    if not os.WIFSIGNALED(ended) or os.WTERMSIG(ended) != signal.SIGKILL:
        sys.exit(f"not killed in {{step}}: {{ended}}")
"""
"""The worst moment: a step's work is done, and nothing yet knows of it. A process a step, forked
from one that has imported TFX: to import it fifteen times takes longer than all the steps."""

DEADLINE_SECS = 240


@pytest.fixture(scope="module")
def undisturbed(tiny_export: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    tiny = TinyRun(tmp_path_factory.mktemp("undisturbed"), tiny_export)
    result = tiny.run()
    assert result.returncode == 0, result.stderr
    return tiny


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


def test_killed_at_the_end_of_every_step_in_turn(
    undisturbed: TinyRun, tiny_export: Path, tmp_path: Path
) -> None:
    tiny = TinyRun(tmp_path, tiny_export)
    result = tiny.run_script(DIE_BEFORE_THE_END_OF_EACH.format(steps=STEPS))
    assert result.returncode == 0, result.stderr
    for step, after in itertools.pairwise(STEPS):
        assert f"An earlier run was stopped in {step}; going on from there." in result.stderr, after
    result = tiny.run()
    assert result.returncode == 0, result.stderr
    assert "An earlier run was stopped in Report; going on from there." in result.stderr
    assert_same_state(tiny, undisturbed)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_while_training(
    number: signal.Signals, undisturbed: TinyRun, tiny_export: Path, tmp_path: Path
) -> None:
    tiny = TinyRun(tmp_path, tiny_export)
    process = subprocess.Popen(
        [sys.executable, "-c", "from pipeline.cli import main; main()", *tiny.command()],
        cwd=REPOSITORY,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    trainer = wait_for_epoch(tiny.root, process)
    os.kill(process.pid, number)
    output = process.communicate(timeout=DEADLINE_SECS)[1]
    if number == signal.SIGTERM:
        assert process.returncode == 75
        assert "Stopped by SIGTERM. Give the same command again to go on." in output
    wait_until_gone(trainer)
    result = tiny.run()
    assert result.returncode == 0, result.stderr
    assert "training goes on at photo" in result.stderr
    assert_same_state(tiny, undisturbed)


def wait_for_epoch(root: Path, process: subprocess.Popen[str]) -> int:
    """Returns the id of the training process once it has ended an epoch."""
    deadline = time.monotonic() + DEADLINE_SECS
    while time.monotonic() < deadline and process.poll() is None:
        for events in root.glob("logs/*/events.jsonl"):
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
