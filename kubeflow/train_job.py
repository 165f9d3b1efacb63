"""Training on several pods, from the trainer's own pod: the process that its step starts instead of
training itself.

    python -m kubeflow.train_job JOB.json

1. What the pods must see is put into the shared volume: photos, taxonomy, a model to start from.
2. The resource is created; it is named for the training, so that one that an earlier life of this
   process has created is found, and waited for.
3. The chief's log is shown as it grows, until the resource has ended.
4. Model and history are taken from the volume; resource and folder are removed.

A signal ends this process and leaves the training alone: the step, started again, goes on waiting.
Exit codes are those of `components.progressive_trainer.worker`.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from components.progressive_trainer.job import (
    ERROR_FILE,
    JOB_FILE,
    USER_ERROR_EXIT_CODE,
    TrainingJob,
)
from kubeflow.train_manifest import TrainJobRequest, manifest
from kubeflow.train_resource import TrainResource
from kubeflow.train_settings import TRAIN_JOB_VARIABLE
from schemas.errors import FieldmarkError
from serving.whole_directory import whole_directory

FOLDER = "train-jobs"
"""In the volume; a folder for each training that is on."""

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
POLL_SECS = 5.0


@dataclass(frozen=True)
class SharedJob:
    """A job whose files lie where all pods see them.

    Attributes:
        directory: in the volume.
        original: the job as the trainer's step wrote it.
    """

    directory: Path
    original: TrainingJob

    @property
    def job_file(self) -> Path:
        """The job as the pods read it."""
        return self.directory / JOB_FILE

    def place(self) -> None:
        """Puts the job's inputs into the volume, unless that was done before."""
        inputs = self.directory / "inputs"
        job = self.original
        if not inputs.is_dir():
            with whole_directory(inputs) as unfinished:
                for split, files in (("train", job.train_files), ("val", job.val_files)):
                    (unfinished / split).mkdir()
                    for file in files:
                        shutil.copy2(file, unfinished / split)
                shutil.copy2(job.taxonomy_path, unfinished / "taxonomy.csv")
                if self._base_model:
                    shutil.copytree(self._base_model, unfinished / "base_model")
        settings = dict(job.settings)
        if self._base_model:
            settings["base_weights"] = str(inputs / "base_model")
        placed = replace(
            job,
            settings=settings,
            train_files=[str(inputs / "train" / Path(file).name) for file in job.train_files],
            val_files=[str(inputs / "val" / Path(file).name) for file in job.val_files],
            taxonomy_path=str(inputs / "taxonomy.csv"),
            model_dir=str(self.directory / "model"),
            history_dir=str(self.directory / "history"),
        )
        (self.directory / "history").mkdir(exist_ok=True)
        self.job_file.write_text(json.dumps(asdict(placed), indent=1))

    def collect(self) -> None:
        """Takes model and history out of the volume."""
        shutil.copytree(self.directory / "model", self.original.model_dir, dirs_exist_ok=True)
        shutil.copytree(self.directory / "history", self.original.history_dir, dirs_exist_ok=True)

    @property
    def error(self) -> str | None:
        """What a worker wrote for people, the chief first."""
        for path in (self.directory / ERROR_FILE, *sorted(self.directory.glob("error-of-*"))):
            if path.is_file():
                return path.read_text()
        return None

    @property
    def _base_model(self) -> Path | None:
        """A directory to start from that other pods may not see."""
        path = Path(str(self.original.settings.get("base_weights", "")))
        return path if path.is_absolute() and path.is_dir() else None


def train(
    job: TrainingJob,
    asked: TrainJobRequest,
    resource: TrainResource,
    *,
    namespace: str,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Trains on several pods, and returns when the model is where the job wants it.

    Args:
        job: what to train.
        asked: the kind of resource, its pods, the volume.
        resource: where it is kept; named by `job_name`.
        namespace: of the resource.
        sleep: waits so many seconds.

    Raises:
        FieldmarkError: if the training ends badly, or the API server refuses.
    """
    shared = SharedJob(Path(asked.volume.mount_path) / FOLDER / resource.name, job)
    shared.directory.mkdir(parents=True, exist_ok=True)
    shared.place()
    for old in shared.directory.glob("error*.txt"):
        old.unlink()
    resource.ensure(
        manifest(asked, name=resource.name, namespace=namespace, job_file=str(shared.job_file))
    )
    ended = resource.wait(_show, poll_secs=POLL_SECS, sleep=sleep)
    if not ended.good:
        resource.delete()
        raise FieldmarkError(
            shared.error
            or f"{asked.job.kind} {resource.name} ended as {ended.words}. Its last words are in "
            "the log above. The step, started again, goes on from the last checkpoint."
        )
    shared.collect()
    resource.delete()
    shutil.rmtree(shared.directory)


def job_name(job: TrainingJob) -> str:
    """Returns the resource's name: the same for the same training, whoever asks for it."""
    return f"fieldmark-{Path(job.checkpoint_dir).name}"


def _show(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def main(arguments: list[str]) -> int:
    """Runs the job file named on the command line; returns the exit code."""
    logging.basicConfig(level=logging.INFO)
    from kubernetes import client, config

    path = Path(arguments[0])
    asked = TrainJobRequest.read(json.loads(os.environ[TRAIN_JOB_VARIABLE]))
    job = TrainingJob.read(path)
    config.load_incluster_config()
    namespace = NAMESPACE_FILE.read_text().strip()
    api: Any = client.ApiClient()
    resource = TrainResource(api, asked.job.kind, namespace, job_name(job))
    try:
        train(job, asked, resource, namespace=namespace)
    except FieldmarkError as error:
        logging.error("%s", error)
        (path.parent / ERROR_FILE).write_text(str(error))
        return USER_ERROR_EXIT_CODE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
