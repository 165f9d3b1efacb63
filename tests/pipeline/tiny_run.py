"""A pipeline small enough for a test, in a process of its own as a user runs it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import forked
import yaml

from kubeflow.train_settings import COMMAND_VARIABLE
from schemas.events import EVENTS_VARIABLE

REPOSITORY = Path(__file__).resolve().parents[2]

TINY_CONFIG = {
    "name": "tiny",
    "trainer": {
        "network": "small",
        "schedule": {
            "stages": [
                {"image_size_px": 32, "global_batch": 16, "epochs": 2, "learning_rate": 0.002},
                {"image_size_px": 48, "global_batch": 8, "epochs": 2, "learning_rate": 0.001},
            ],
            "warmup_epochs": 0.5,
        },
        "eval_batch": 16,
    },
    # What a few steps of training can reach is not the question here.
    "evaluation": {
        "min_top1": 0.0,
        "max_top1_drop": 1.0,
        "max_significant_drop": 1.0,
        "max_fallen_taxa": 6,
    },
    "mobile_validation": {
        "min_top1_agreement": 0.5,
        "min_top1_agreement_int8": 0.5,
        "max_accuracy_drop": 0.5,
        "min_rollup_agreement": 0.0,
        "min_top5_agreement": 0.5,
        "latency_runs": 1,
        "convention_photos": 8,
    },
}

STEPS = (
    "ExportExampleGen",
    "ImportSchemaGen",
    "DuplicateGate",
    "LastBlessedModel",
    "StatisticsGen",
    "ExampleValidator",
    "AnomalyGate",
    "Transform",
    "ProgressiveTrainer",
    "Evaluator",
    "MobileExporter",
    "MobileValidator",
    "PushSavedModel",
    "PushMobile",
    "Report",
)
"""The steps of a pipeline that starts from no pushed model, in order."""


THIN_WORKER = REPOSITORY / "tests/components/progressive_trainer/train_as_worker.py"
"""The training process over a network that is traced and converted faster; `small` itself is
trained by test_backbones and the demo."""

COMMAND = "from pipeline.cli import main; main()"
"""`fieldmark` as Python code."""

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


@dataclass(frozen=True)
class TinyRun:
    """A work directory and an export to run on."""

    work_dir: Path
    export_dir: Path

    @property
    def root(self) -> Path:
        return self.work_dir / "tiny"

    def command(self, *arguments: str) -> list[str]:
        config = self.work_dir / "tiny.yaml"
        config.write_text(yaml.safe_dump({**TINY_CONFIG, "work_dir": str(self.work_dir)}))
        return ["run", str(config), "--export", str(self.export_dir), *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `fieldmark run` to its end."""
        return self.run_script(COMMAND, *arguments)

    def run_killed_at_the_ends_of(self, steps: Sequence[str], *arguments: str) -> str:
        """Returns what runs said that were killed at the end of these steps, one after another."""
        script = DIE_BEFORE_THE_END_OF_EACH.format(steps=tuple(steps))
        result = self.run_script(script, *arguments)
        assert result.returncode == 0, result.stderr
        return result.stderr

    def run_script(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a script with the command line of `fieldmark run`."""
        return forked.run(
            script, *self.command(*arguments), environment=environment(), directory=REPOSITORY
        )


def environment() -> dict[str, str]:
    """Ours, in which a thin network is trained, and without what another run has set."""
    ours = {key: value for key, value in os.environ.items() if key != EVENTS_VARIABLE}
    return {**ours, COMMAND_VARIABLE: THIN_WORKER.stem, "PYTHONPATH": str(THIN_WORKER.parent)}


def versions(directory: Path) -> list[Path]:
    """The pushed versions in a directory."""
    return sorted(path for path in directory.iterdir() if path.name.isdecimal())
