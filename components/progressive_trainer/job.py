"""What the executor asks of the training process: one JSON file.

Training runs in a process of its own: replicas must be set up before TensorFlow touches a device,
GPU memory is given back when it ends, and it can be started on several machines.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

JOB_FILE = "job.json"
ERROR_FILE = "error.txt"
"""Written beside the job when it ends with an error meant for a person."""
USER_ERROR_EXIT_CODE = 2
"""Exit code of the training process after such an error."""
RESUME_EXIT_CODE = 75
"""Exit code after it was asked to stop: "start me again, I go on". EX_TEMPFAIL of sysexits.h."""


def error_file(rank: int) -> str:
    """Returns the name of the error file of one machine; several may share the directory."""
    return ERROR_FILE if rank == 0 else f"error-of-worker-{rank}.txt"


@dataclass(frozen=True)
class TrainingJob:
    """A run of training.

    Attributes:
        settings: TrainerSettings as JSON-able values.
        train_files: TFRecord files (gzip) of transformed records.
        val_files: the same, of the val split.
        taxonomy_path: `taxonomy.csv` of the Taxonomy artifact.
        model_dir: where the SavedModel goes.
        history_dir: where the history goes (see `history_file`).
        checkpoint_dir: where checkpoints are kept.
        manifest: written into the model: its id and lineage.
    """

    settings: dict[str, Any]
    train_files: list[str]
    val_files: list[str]
    taxonomy_path: str
    model_dir: str
    history_dir: str
    checkpoint_dir: str
    manifest: dict[str, Any]

    def write(self, path: Path) -> None:
        """Writes the job as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> TrainingJob:
        """Reads a job that `write` wrote."""
        return cls(**json.loads(path.read_text()))
