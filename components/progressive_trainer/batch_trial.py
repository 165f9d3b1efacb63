"""Finds the batches of a schedule's `auto` stages: a process that takes real steps until it fails.

    python -m components.progressive_trainer.batch_trial REQUEST.json RESULT.json

A process of its own, because memory that an attempt took, or broke up, is given back only when it
ends. What was found before on such a device is taken from the user's cache.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.progressive_trainer.batch_cache import BatchCache, Key, cache_file
from components.progressive_trainer.batch_search import Found, Trial, find_batch
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.job import USER_ERROR_EXIT_CODE
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.order_of_sums import sums_in_order
from components.progressive_trainer.orphan import end_when_orphaned
from components.progressive_trainer.out_of_memory import is_out_of_memory
from components.progressive_trainer.photo_order import Share
from components.progressive_trainer.schedule import written_stages
from components.progressive_trainer.schedule_settings import ScheduleSettings, StageSettings
from components.progressive_trainer.trial_memory import Memory, trial_memory
from schemas.errors import FieldmarkError
from schemas.settings import load_settings
from schemas.source_hash import source_hash

TIMED_STEPS = 3
"""After one that traces; the fastest counts, for others may use the machine."""

_NOT_OF_A_STEP = {
    "adaptive", "base_weights", "checkpoint_secs", "eval_batch", "file_order",
    "logical_cpu_devices", "longest_wait_secs", "schedule", "seed", "shuffle_buffer_photos",
    "synonyms",
}  # fmt: skip
"""Settings that neither memory nor speed of a step follows from."""


@dataclass(frozen=True)
class TrialRequest:
    """What is to be found.

    Attributes:
        settings: TrainerSettings as JSON-able values.
        num_leaves: N.
        replicas: that share the memory of a CPU; 1 on GPUs.
    """

    settings: dict[str, Any]
    num_leaves: int
    replicas: int


def find_batches(request: TrialRequest, cache: BatchCache) -> list[Found | None]:
    """Returns what a replica holds in each stage; None for stages whose batch is written.

    Raises:
        FieldmarkError: if the memory does not hold the smallest batch.
    """
    settings = load_settings(TrainerSettings, request.settings, source="trainer")
    auto = settings.batch_auto
    memory = trial_memory(share=auto.memory_share, replicas=request.replicas)

    def find(stage: StageSettings) -> Found | None:
        if stage.global_batch != "auto":
            return None
        key = _key(settings, stage, memory, request)
        found = cache.get(key)
        if found is None:
            found = find_batch(
                StageTrial(settings, stage, memory, num_leaves=request.num_leaves),
                multiple=auto.multiple,
                most=auto.most_per_replica,
                min_speedup=auto.min_speedup,
            )
            logging.info(
                "%d px: a batch of %d; %s.", stage.image_size_px, found.batch, found.reason
            )
            cache.put(key, found)
        return found

    return [find(stage) for stage in written_stages(settings.schedule)]


def _key(
    settings: TrainerSettings, stage: StageSettings, memory: Memory, request: TrialRequest
) -> Key:
    about_a_step = settings.model_dump(mode="json", exclude=_NOT_OF_A_STEP)
    return {
        "device": memory.name,
        "memory_bytes": memory.total_bytes,
        "replicas_sharing_it": request.replicas,
        "num_leaves": request.num_leaves,
        "image_size_px": stage.image_size_px,
        "trainable": stage.trainable,
        "mixing": stage.mixup > 0 or stage.cutmix > 0,
        "settings": json.dumps(about_a_step, sort_keys=True),
        "code": source_hash("components.progressive_trainer.batch_trial"),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


class StageTrial:
    """Takes real training steps of one stage, over photos of noise, with any batch.

    Args:
        settings: what is trained.
        stage: the stage.
        memory: of the device.
        num_leaves: N.
    """

    def __init__(
        self, settings: TrainerSettings, stage: StageSettings, memory: Memory, *, num_leaves: int
    ) -> None:
        self._memory = memory
        batch = settings.batch_auto.multiple
        tried = stage.model_copy(update={"global_batch": batch, "epochs": None, "examples": batch})
        one_step = settings.model_copy(
            update={
                "schedule": ScheduleSettings(stages=(tried,)),
                "adaptive": None,
                "base_weights": "none",
                "class_weighting": 0.0,  # photos of noise have no leaves to be counted
            }
        )
        self._loop = TrainingLoop(
            one_step,
            num_leaves=num_leaves,
            train=Photos((), 10**6),
            val=Photos((), 1),
            devices=Devices(tf.distribute.get_strategy(), Share(), "1 device, to try batches"),
            checkpoints=None,
        )

    def __call__(self, batch: int) -> Trial:
        """Returns what came of some steps with `batch` photos."""
        why_not = self._memory.expected(batch)
        if why_not is not None:
            return Trial(batch, False, 0.0, why_not)
        try:
            secs = self._fastest_step_secs(batch)
        except tf.errors.OpError as error:
            if not is_out_of_memory(error):
                raise
            return Trial(batch, False, 0.0, f"out of memory: {str(error).splitlines()[0][:120]}")
        fits, words = self._memory.taken(batch)
        return Trial(batch, fits, batch / secs if fits else 0.0, words)

    @sums_in_order()
    def _fastest_step_secs(self, batch: int) -> float:
        stage = replace(self._loop.plan[0], global_batch=batch)
        step = self._loop.training_step(stage)
        rng = np.random.default_rng(batch)
        shape = (batch, stage.image_size_px, stage.image_size_px, 3)
        images = tf.constant(rng.integers(0, 256, shape, np.uint8))
        labels = tf.zeros([batch], tf.int64)
        rate, dropout = tf.constant(0.0), tf.constant(stage.dropout)
        seed = tf.constant([0, 0], tf.int32)

        def secs() -> float:
            start = time.perf_counter()
            float(step(images, labels, rate, dropout, seed, tf.constant(0.0))[0])
            return time.perf_counter() - start

        secs()  # traces
        return min(secs() for _ in range(TIMED_STEPS))


def main(arguments: list[str]) -> int:
    """Reads the request, writes the result; returns the exit code."""
    logging.basicConfig(level=logging.INFO)
    end_when_orphaned()
    request_path, result_path = map(Path, arguments)
    request = TrialRequest(**json.loads(request_path.read_text()))
    try:
        found = find_batches(request, BatchCache(cache_file()))
    except FieldmarkError as error:
        result_path.write_text(json.dumps({"error": str(error)}))
        return USER_ERROR_EXIT_CODE
    result_path.write_text(json.dumps({"found": [each and asdict(each) for each in found]}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
