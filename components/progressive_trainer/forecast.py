"""When a stage and a run will end, from how fast they go now.

A photo's cost grows with the area of its picture, and a pass back costs twice a pass forth (see
`flops`): a photo of a later stage takes as much longer than one of this stage as it costs more.
That holds where the network is what takes the time; where decoding is, later stages come out
shorter than foretold. Tracing a stage takes what it took for this one.

    left = secs_left(
        plan,
        stage,
        seen,
        train_photos=51200,
        val_photos=4000,
        unit_secs=2e-9,
        val_unit_secs=1e-9,
        trace_secs=30.0,
    )
    left.stage_secs, left.run_secs
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.progressive_trainer.epochs import ends_epoch
from components.progressive_trainer.flops import TRAINING_FACTOR
from components.progressive_trainer.learning_part import TOP
from components.progressive_trainer.schedule import Stage


@dataclass(frozen=True)
class Left:
    """Seconds to the end of a stage and of the run, validations included."""

    stage_secs: float
    run_secs: float


def training_cost(stage: Stage) -> float:
    """Returns what training on one photo of a stage costs, in units of a pixel's pass forth."""
    return passes(stage) * validation_cost(stage)


def passes(stage: Stage) -> float:
    """Returns what training on one photo of a stage costs, in passes forth of the network.

    Of the backbone only the part that learns has a pass back; its share of the cost is taken to be
    that of its layers.
    """
    shares = {"all": 1.0, "head": 0.0}
    share = shares.get(stage.trainable)
    if share is None:
        share = float(stage.trainable.removeprefix(TOP))
    return 1.0 + (TRAINING_FACTOR - 1.0) * share


def validation_cost(stage: Stage) -> float:
    """Returns what validating one photo costs, in the same units."""
    return float(stage.image_size_px**2)


def validations_left(stage: Stage, seen: int, *, train_photos: int) -> int:
    """Returns how many validations a stage has after the step that ended at `seen`."""
    ends = {stage.end_examples} if seen < stage.end_examples else set()
    for end in range(-(-(seen + 1) // train_photos), stage.end_examples // train_photos + 1):
        batches = -(-(end * train_photos - stage.start_examples) // stage.global_batch)
        step_end = stage.start_examples + batches * stage.global_batch
        if seen < step_end and ends_epoch(stage, step_end, num_photos=train_photos):
            ends.add(step_end)
    return len(ends)


def secs_left(
    plan: Sequence[Stage],
    stage: Stage,
    seen: int,
    *,
    train_photos: int,
    val_photos: int,
    unit_secs: float,
    val_unit_secs: float,
    trace_secs: float,
) -> Left:
    """Returns the time left.

    Args:
        plan: all stages.
        stage: the one that training is in.
        seen: photos of the run seen.
        train_photos: training photos, an epoch.
        val_photos: photos of a validation.
        unit_secs: seconds a unit of `training_cost`, as measured now.
        val_unit_secs: seconds a unit of `validation_cost`, as measured last.
        trace_secs: seconds before a stage gets going.
    """

    def secs(each: Stage, start: int) -> float:
        photos = each.end_examples - start
        validations = validations_left(each, start, train_photos=train_photos)
        return (
            photos * training_cost(each) * unit_secs
            + validations * val_photos * validation_cost(each) * val_unit_secs
        )

    this = secs(stage, seen)
    later = [each for each in plan if each.index > stage.index]
    return Left(this, this + sum(trace_secs + secs(each, each.start_examples) for each in later))
