"""Starts the training process, waits for it, and hands on what it wrote."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.last_blessed.executor import found_model
from components.named_files import contents_now
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.job import (
    ERROR_FILE,
    JOB_FILE,
    RESUME_EXIT_CODE,
    USER_ERROR_EXIT_CODE,
    TrainingJob,
)
from components.progressive_trainer.run_key import run_key
from components.progressive_trainer.starting_weights import starting_weights
from components.record_files import record_files
from components.training_recipe import training_recipe
from schemas import record
from schemas.errors import FieldmarkError, Interrupted
from schemas.events import emit

LONGEST_MESSAGE = 4000

WORKER = "components.progressive_trainer.worker"
COMMAND_VARIABLE = "FIELDMARK_TRAINING_COMMAND"
"""Environment variable with another module to start in its place: one that has the job trained
elsewhere. It ends as the worker does."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_STOPPED = (
    RESUME_EXIT_CODE,
    *(128 + number for number in _SIGNALS),
    *(-number for number in _SIGNALS),
)
"""Asked to stop; asked twice; asked before it could listen."""


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
        settings = json.loads(exec_properties["settings"])
        files = contents_now(
            TrainerSettings.model_validate(settings).named_files,
            expected=exec_properties["named_files"],
        )
        start = starting_weights(settings, base_model_dir=_base_model_dir(input_dict))
        key = run_key(
            settings,
            examples_uri=examples.uri,
            code_version=exec_properties["code_version"],
            named_files=files,
            base_model_id=start.model_id,
        )
        if start.note:
            emit("note", text=start.note)
        job = TrainingJob(
            settings=start.settings,
            train_files=record_files(examples, "train", setting="trainer"),
            val_files=record_files(examples, "val", setting="trainer"),
            taxonomy_path=str(Path(taxonomy.uri) / record.TAXONOMY_FILE),
            model_dir=path_utils.serving_model_path(model.uri),
            history_dir=history.uri,
            checkpoint_dir=str(Path(exec_properties["checkpoint_root"]) / key),
            manifest={**_manifest(exec_properties), **start.manifest},
        )
        Path(job.model_dir).parent.mkdir(parents=True, exist_ok=True)
        _run(job)


def _base_model_dir(input_dict: dict[str, list[Artifact]]) -> str | None:
    found = found_model(input_dict, "base_model")
    return str(found) if found else None


def _manifest(exec_properties: dict[str, Any]) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(exec_properties["manifest"])
    export = exec_properties["export_fingerprint"]
    return {**manifest, "recipe": training_recipe(manifest["recipe"], export)}


def _run(job: TrainingJob) -> None:
    with tempfile.TemporaryDirectory(prefix="fieldmark-training-") as folder:
        path = Path(folder) / JOB_FILE
        job.write(path)
        module = os.environ.get(COMMAND_VARIABLE, WORKER)
        command = [sys.executable, "-m", module, str(path)]
        logging.info("Starting %s", " ".join(command))
        # A process group of its own: Ctrl-C in a terminal goes to all of a group, and training
        # would take it for a second signal beside the one that is passed on here.
        process = subprocess.Popen(command, process_group=0)
        try:
            code = process.wait()
        except BaseException:
            _stop(process)
            raise
        check_exit_code(code, path.parent / ERROR_FILE)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Asks training to stop, and waits for its checkpoint; a second interrupt ends it at once."""
    if process.poll() is None:
        emit(
            "note",
            text="stopping: training finishes its step and writes a checkpoint "
            "(interrupt again to end it at once)",
        )
    process.terminate()
    try:
        process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise


def check_exit_code(code: int, error: Path) -> None:
    """Returns if training ended well.

    Args:
        code: of the training process; negative for a signal.
        error: the file that it writes an error meant for a person to.

    Raises:
        Interrupted: if training was asked to stop.
        FieldmarkError: with that error.
        RuntimeError: if it ended in any other way.
    """
    if code == 0:
        return
    if code in _STOPPED:
        wrote = "has written a checkpoint" if code == RESUME_EXIT_CODE else "ended at once"
        raise Interrupted(
            f"Training was interrupted by a signal and {wrote}. "
            "Give the same command again to go on from the last checkpoint."
        )
    if code == USER_ERROR_EXIT_CODE and error.exists():
        raise FieldmarkError(error.read_text()[:LONGEST_MESSAGE])
    reason = f"signal {-code}" if code < 0 else f"exit code {code}"
    raise RuntimeError(
        f"The training process ended with {reason}; its last words are in the log. "
        "Give the same command again to go on from the last checkpoint."
    )
