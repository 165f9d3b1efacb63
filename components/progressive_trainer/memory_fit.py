"""Steps that a CPU's memory would not hold start out in parts.

A GPU says when it is full, and the step is taken again in parts (`out_of_memory`). A CPU does not:
the kernel kills the process. A batch that was found, or trained with, when more was free may be too
large now. The law: at every start, what the steps of a stage are estimated to take is held against
`batch_auto.memory_share` of the memory that is free; where it is more, the stage begins in the
fewest parts that fit. Where no number of parts would do, nothing is changed: the memory note warns.

    split_what_would_not_fit(course, footprint, settings, devices, seen=51200)

On one machine only, as all splitting is: the others would have to do the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import tensorflow as tf

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.course import Course
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.memory_estimate import Footprint, in_gb
from components.progressive_trainer.schedule import Stage
from components.progressive_trainer.trial_memory import available_memory


def split_what_would_not_fit(
    course: Course, footprint: Footprint, settings: TrainerSettings, devices: Devices, *, seen: int
) -> None:
    """Decides in how many parts the stages that are left begin.

    Args:
        course: of the run, with the decisions of its checkpoint.
        footprint: of the network, whose variables are in memory already.
        settings: what is trained.
        devices: where to run.
        seen: photos of the run seen.
    """
    if devices.share.workers > 1 or tf.config.list_physical_devices("GPU"):
        return
    free = available_memory()
    allowed = int(settings.batch_auto.memory_share * free)
    replicas = devices.replicas

    def needs(stage: Stage, parts: int) -> int:
        return replicas * footprint.of_stage(stage, replicas=replicas, parts=parts).step_bytes

    for stage in course.plan:
        if stage.end_examples <= seen:
            continue
        before = course.parts(stage)
        parts = fewest_parts(
            partial(needs, stage),
            at_least=before,
            at_most=stage.global_batch // replicas,
            allowed_bytes=allowed,
        )
        if parts > before:
            needed = in_gb(needs(stage, before))
            why = f"whole they would take {needed}, and {in_gb(free)} of memory are free"
            course.compute_in_parts(stage, parts, seen, replicas=replicas, why=why)


def fewest_parts(
    needs: Callable[[int], int], *, at_least: int, at_most: int, allowed_bytes: int
) -> int:
    """Returns the fewest parts, by doubling, whose steps fit; `at_least` where none do.

    Args:
        needs: bytes that a step takes in so many parts.
        at_least: parts to begin with.
        at_most: photos of a replica's batch.
        allowed_bytes: what it may take.
    """
    parts = at_least
    while needs(parts) > allowed_bytes:
        parts *= 2
        if parts > at_most:
            return at_least
    return parts
