"""Processes of the training worker on this machine, over the thin network of the tests."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import tensorflow as tf
from forked import Forked
from tiny_training import NUM_LEAVES, settings, stage, write_split

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.job import JOB_FILE, TrainingJob
from components.progressive_trainer.locating import training_photos
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.photo_stream import Share
from components.progressive_trainer.remembered_counts import RememberedCounts
from schemas.events import EVENTS_VARIABLE
from schemas.settings import load_settings

SCRIPT = Path(__file__).with_name("train_as_worker.py")
EVENTS_FILE = "events.jsonl"
"""Name of the file, beside the job, of what its processes tell."""

TRAIN_PHOTOS, VAL_PHOTOS = 14, 7
COMPARED = (
    *("step", "examples_seen", "learning_rate", "loss", "top1", "top3", "top5"),
    *("stage", "image_size_px", "global_batch"),
)
TAXONOMY_HEADER = "parent_taxon_id,taxon_id,rank_level,leaf_class_id,iconic_class_id,name\n"


def write_photos(root: Path) -> Path:
    """Writes a train and a val split whose last batches are not full."""
    write_split(root / "train", TRAIN_PHOTOS, files=3)
    write_split(root / "val", VAL_PHOTOS, files=2)
    return root


def job_settings(*, rand_augment: float = 0.0, **values: Any) -> dict[str, Any]:
    """Two stages, four steps and two, with all that could differ between replicas.

    The second thaws what the first froze. RandAugment takes the longest to be traced, so that only
    those have it who ask for it.
    """
    mixing = {"mixup": 0.3, "cutmix": 0.5, "rand_augment": rand_augment}
    stages = [
        {**stage(4, 1), **mixing, "trainable": "top:0.6"},
        stage(6, 1, size=40),
    ]
    shared = {"clip_global_norm": 0.05, "ema_decay": 0.9, "history_steps": 3}
    return settings(stages, **shared, **values).model_dump(mode="json")


def write_job(
    directory: Path, photos: Path, settings: dict[str, Any], *, checkpoints: Path | None = None
) -> Path:
    """Writes a job whose outputs lie in `directory`, and returns its path."""
    directory.mkdir(parents=True)
    leaves = "".join(f"1,{2 + leaf},10,{leaf},0,Leaf {leaf}\n" for leaf in range(NUM_LEAVES))
    (directory / "taxonomy.csv").write_text(f"{TAXONOMY_HEADER},1,70,,,Life\n{leaves}")
    TrainingJob(
        settings=settings,
        train_files=sorted(map(str, (photos / "train").iterdir())),
        val_files=sorted(map(str, (photos / "val").iterdir())),
        taxonomy_path=str(directory / "taxonomy.csv"),
        model_dir=str(directory / "model"),
        history_dir=str(directory),
        checkpoint_dir=str(checkpoints or directory / "checkpoints"),
        manifest={},
    ).write(directory / JOB_FILE)
    return directory / JOB_FILE


def loop_in_this_process(photos: Path, given: dict[str, Any]) -> TrainingLoop:
    """The training of a job on one device, without checkpoints."""
    settings = load_settings(TrainerSettings, given, source="trainer")
    files = sorted(map(str, (photos / "train").iterdir()))
    counts = RememberedCounts(photos, writes=False)
    return TrainingLoop(
        settings,
        num_leaves=NUM_LEAVES,
        train=training_photos(files, settings, counts, photos, num_leaves=NUM_LEAVES, writes=False),
        val=Photos(sorted(map(str, (photos / "val").iterdir())), VAL_PHOTOS),
        devices=Devices(tf.distribute.get_strategy(), Share(), "1 CPU"),
        checkpoints=None,
    )


def free_addresses(count: int) -> list[str]:
    """Addresses of loopback ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def start(
    job: Path,
    *,
    workers: int = 1,
    acts: dict[int, str] | None = None,
    started: Sequence[int] | None = None,
    exports: bool = False,
) -> list[Forked]:
    """Starts as many processes on the job.

    Args:
        job: from `write_job`.
        workers: machines that TF_CONFIG names.
        acts: those of `train_as_worker`, by rank.
        started: ranks that are really started; None for all.
        exports: whether the chief writes the SavedModel, a third of the time of such a training.
    """
    addresses = free_addresses(workers)
    processes = []
    for index in range(workers) if started is None else started:
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "1"}
        environment["FIELDMARK_TEST_ACT"] = (acts or {}).get(index, "0:")
        environment["FIELDMARK_TEST_EXPORTS"] = "1" if exports else "0"
        environment[EVENTS_VARIABLE] = str(job.parent / EVENTS_FILE)
        if workers > 1:
            environment["TF_CONFIG"] = json.dumps(task)
        log = job.parent / f"log-{index}.txt"
        processes.append(Forked(SCRIPT, job, environment=environment, log=log))
    return processes


def ended(processes: Sequence[Forked], timeout_secs: float = 240) -> list[int]:
    """Waits for all; returns their exit codes."""
    try:
        return [process.wait(timeout_secs) for process in processes]
    finally:
        for process in processes:
            process.kill()


def largest_difference(ours: Path, theirs: Path) -> float:
    """Of the histories and of all weights and optimizer variables that two jobs ended with."""
    rows, others = (_rows(job) for job in (ours, theirs))
    assert list(rows.kind) == list(others.kind)
    differences = [float((rows[name] - others[name]).abs().max()) for name in COMPARED]
    for value, wanted in zip(variables(ours), variables(theirs), strict=True):
        differences.append(float(np.abs(value - wanted).max(initial=0.0)))
    return max(differences)


def _rows(job: Path) -> pandas.DataFrame:
    return pandas.read_parquet(job.parent / "history.parquet")


def variables(job: Path, rank: int = 0) -> list[np.ndarray]:
    """That a machine ended with: network, optimizer, averages; the chief's by its checkpoint."""
    last = sorted(Path(TrainingJob.read(job).checkpoint_dir).glob("examples-*"))[-1]
    path = last / "variables.npz" if rank == 0 else job.parent / f"variables-{rank}.npz"
    with np.load(path) as saved:
        return [saved[str(index)].astype(np.float64) for index in range(len(saved.files))]


def log_of(job: Path, index: int = 0) -> str:
    return (job.parent / f"log-{index}.txt").read_text()
