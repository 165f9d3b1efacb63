"""Starts the training process, waits for it, and hands on what it wrote."""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.progressive_trainer.job import (
    ERROR_FILE,
    JOB_FILE,
    USER_ERROR_EXIT_CODE,
    TrainingJob,
)
from components.record_files import record_files
from schemas import record
from schemas.errors import FieldmarkError

LONGEST_MESSAGE = 4000


class Executor(BaseExecutor):
    """See `component.ProgressiveTrainer`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        taxonomy = artifact_utils.get_single_instance(input_dict["taxonomy"])
        model = artifact_utils.get_single_instance(output_dict["model"])
        history = artifact_utils.get_single_instance(output_dict["history"])
        job = TrainingJob(
            settings=json.loads(exec_properties["settings"]),
            train_files=record_files(examples, "train", setting="trainer"),
            val_files=record_files(examples, "val", setting="trainer"),
            taxonomy_path=str(Path(taxonomy.uri) / record.TAXONOMY_FILE),
            model_dir=path_utils.serving_model_path(model.uri),
            history_dir=history.uri,
            checkpoint_dir=str(
                Path(exec_properties["checkpoint_root"])
                / _checkpoint_name(examples, exec_properties)
            ),
            manifest=json.loads(exec_properties["manifest"]),
        )
        Path(job.model_dir).parent.mkdir(parents=True, exist_ok=True)
        _run(job)


def _checkpoint_name(examples: Artifact, exec_properties: dict[str, Any]) -> str:
    """A hash of all that a training run depends on: the name of its checkpoints."""
    parts = (examples.uri, exec_properties["settings"], exec_properties["code_version"])
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _run(job: TrainingJob) -> None:
    with tempfile.TemporaryDirectory(prefix="fieldmark-training-") as folder:
        path = Path(folder) / JOB_FILE
        job.write(path)
        command = [sys.executable, "-m", "components.progressive_trainer.worker", str(path)]
        logging.info("Starting %s", " ".join(command))
        with subprocess.Popen(command) as process:
            try:
                code = process.wait()
            except BaseException:
                # Interrupted: the checkpoint on disk is what the next run goes on from.
                process.terminate()
                raise
        error = path.parent / ERROR_FILE
        if code == USER_ERROR_EXIT_CODE and error.exists():
            raise FieldmarkError(error.read_text()[:LONGEST_MESSAGE])
        if code:
            reason = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise RuntimeError(
                f"The training process ended with {reason}; its last words are in the log. "
                "Give the same command again to go on from the last checkpoint."
            )
