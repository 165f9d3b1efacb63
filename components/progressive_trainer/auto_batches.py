"""The batches of stages with `global_batch: auto`, as decisions of the run.

The law: they are found once. What was found is written beside the checkpoints before training
begins, and a run that was stopped, were it before its first checkpoint, goes on with that; of
several machines the chief's are everybody's.

    found = find_unless_recorded(settings, checkpoint_dir, num_leaves=100)
    devices = find_devices(...)          # not before: a trial needs the memory
    batches = batch_decisions(settings, found, devices, checkpoint_dir, num_photos=1700)
    TrainingLoop(settings, ..., batches=batches)
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from components.progressive_trainer.batch_search import Found
from components.progressive_trainer.batch_trial import TrialRequest
from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.cluster import ENVIRONMENT_VARIABLE, read_cluster
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.decisions import Decision
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.schedule import written_stages
from schemas.errors import FieldmarkError
from schemas.events import emit
from schemas.json_file import write_json

BATCHES_FILE = "batches.json"
"""Beside the checkpoints."""

Batches = Mapping[int, Decision | Found]
"""By stage: what the run has recorded, or what a trial has found for a replica."""


def auto_stages(settings: TrainerSettings) -> list[int]:
    """Returns the indices of the stages whose batch is to be found."""
    written = written_stages(settings.schedule)
    return [index for index, stage in enumerate(written) if stage.global_batch == "auto"]


def find_unless_recorded(
    settings: TrainerSettings, checkpoint_dir: Path, *, num_leaves: int
) -> Batches:
    """Returns the batches of the `auto` stages; nothing where this is not the chief.

    Call it before this process has taken a GPU's memory.

    Args:
        settings: what is trained.
        checkpoint_dir: of the run.
        num_leaves: N.

    Raises:
        FieldmarkError: if the memory does not hold the smallest batch, or the trial failed.
    """
    wanted = auto_stages(settings)
    if not wanted or read_cluster(os.environ.get(ENVIRONMENT_VARIABLE)).rank > 0:
        return {}
    recorded = _recorded(checkpoint_dir)
    if recorded is not None:
        return {each.stage: each for each in recorded if each.what == "global_batch"}
    found = _in_a_process(settings, num_leaves=num_leaves)
    return {index: found[index] for index in wanted}


def _recorded(checkpoint_dir: Path) -> list[Decision] | None:
    """Decisions of the last checkpoint, or of a run that has not come so far."""
    latest = Checkpoints(checkpoint_dir, writes=False).latest()
    written = checkpoint_dir / BATCHES_FILE
    if latest is None and not written.is_file():
        return None
    values = json.loads(written.read_text()) if latest is None else latest.decisions
    return [Decision(**each) for each in values]


def batch_decisions(
    settings: TrainerSettings,
    batches: Batches,
    devices: Devices,
    checkpoint_dir: Path,
    *,
    num_photos: int,
) -> tuple[Decision, ...]:
    """Returns the global batches of the `auto` stages, and records them; all machines must ask.

    Args:
        settings: what is trained.
        batches: from `find_unless_recorded`.
        devices: where the training runs.
        checkpoint_dir: of the run.
        num_photos: training photos: a batch is no larger than an epoch.
    """
    multiple = settings.batch_auto.multiple
    epoch = max(multiple, num_photos // devices.replicas // multiple * multiple)

    def decided(stage: int) -> Decision:
        batch = batches.get(stage)
        if isinstance(batch, Found):
            each = min(batch.batch, epoch)
            why = batch.reason if each == batch.batch else f"an epoch has {num_photos} photos"
            text = (
                f"stage {stage + 1} has a global batch of {each * devices.replicas}, found by "
                f"trial: {why}" + (" (of one replica)" if devices.replicas > 1 else "")
            )
            batch = Decision("global_batch", stage, 0, 0, each * devices.replicas, text)
            logging.info("%s.", text)
            emit("note", text=text)
        chosen = devices.from_chief(batch.after if batch else 0)
        return batch or Decision("global_batch", stage, 0, 0, chosen, "as the chief has found")

    decisions = tuple(decided(stage) for stage in auto_stages(settings))
    if decisions and devices.is_chief:
        write_json(checkpoint_dir / BATCHES_FILE, [each.as_dict() for each in decisions])
    return decisions


def _in_a_process(settings: TrainerSettings, *, num_leaves: int) -> dict[int, Found]:
    emit("note", text="looking for the largest batches that fit; kept for later runs")
    sharing = settings.logical_cpu_devices  # the trial knows that GPUs share nothing
    request = TrialRequest(settings.model_dump(mode="json"), num_leaves, sharing)
    alone = {key: value for key, value in os.environ.items() if key != ENVIRONMENT_VARIABLE}
    with tempfile.TemporaryDirectory(prefix="fieldmark-batches-") as folder:
        asked, answered = Path(folder, "request.json"), Path(folder, "result.json")
        asked.write_text(json.dumps(asdict(request)))
        command = [sys.executable, "-m", "components.progressive_trainer.batch_trial"]
        done = subprocess.run([*command, str(asked), str(answered)], check=False, env=alone)
        result = json.loads(answered.read_text()) if answered.is_file() else {}
    if "error" in result:
        raise FieldmarkError(str(result["error"]))
    if done.returncode != 0:
        raise FieldmarkError(
            f"The process that looked for the batches ended with {_in_words(done.returncode)}; its "
            "last words are in the log. Give the stages a global_batch instead of auto, or lower "
            "trainer.batch_auto.memory_share."
        )
    return {index: Found(**each) for index, each in enumerate(result["found"]) if each}


def _in_words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
