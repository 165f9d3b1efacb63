"""A training, and the same gone on with from a checkpoint that it wrote on its way.

What a run leaves that is killed is its last whole checkpoint; here it is copied while the run goes
on, so that one run is both the one that was killed and the one that never was.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import tensorflow as tf
from tiny_training import NUM_LEAVES, THIN

from components.progressive_trainer import networks
from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.photo_order import Share
from components.progressive_trainer.run_record import ROW_LOG_FILE


class CopyingCheckpoints(Checkpoints):
    """Keeps a copy of the checkpoint of one place in the run."""

    def __init__(self, directory: Path, copy: Path, at: int) -> None:
        super().__init__(directory)
        self._copy, self._at = copy, at

    def save(self, *, examples_seen: int, **state: object) -> None:  # type: ignore[override]
        super().save(examples_seen=examples_seen, **state)  # type: ignore[arg-type]
        if examples_seen == self._at:
            written = self.at(examples_seen).directory
            shutil.copytree(written, self._copy / written.name, dirs_exist_ok=True)
            shutil.copy(self.directory / ROW_LOG_FILE, self._copy)


def train_and_resume(
    directory: Path,
    photos: tuple[Photos, Photos],
    given: TrainerSettings,
    *,
    killed_at: int,
    prepare: Callable[[TrainingLoop], None] = lambda loop: None,
) -> tuple[TrainingLoop, TrainingLoop]:
    """Returns the training that was never killed, and the one that was and went on.

    Args:
        directory: for checkpoints.
        photos: of training and validation.
        given: the settings; a checkpoint is written after each step.
        killed_at: photos seen when the run is killed.
        prepare: called with each training before it runs.
    """
    given = given.model_copy(update={"checkpoint_secs": 1e-9})
    loops = []
    for checkpoints in (
        CopyingCheckpoints(directory / "first", directory / "second", killed_at),
        Checkpoints(directory / "second"),
    ):
        with mock.patch.object(networks, "SMALL_WIDTHS", THIN):
            loop = TrainingLoop(
                given,
                num_leaves=NUM_LEAVES,
                train=photos[0],
                val=photos[1],
                devices=Devices(tf.distribute.get_strategy(), Share(), "1 CPU"),
                checkpoints=checkpoints,
            )
        prepare(loop)
        loop.run()
        loops.append(loop)
    return loops[0], loops[1]
