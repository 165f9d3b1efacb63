"""The schedule: config in, stages out, and the learning rate at any point of the run.

The law: a run's stages are a pure function of its settings, of the number of training photos and
of what the run has decided so far (`decisions`). Trainer, report and resume all read the one tuple
that `stages` returns. Progress is counted in examples seen, since the batch moves: photo number e
of the run belongs to exactly one stage.

    plan = stages(settings.schedule, num_photos=1700)
    plan[0].image_size_px, plan[0].global_batch, plan[0].steps
    learning_rate(plan, settings.schedule, num_photos=1700, examples_seen=5000)

A stage ends at the whole number of batches nearest to its share of the run, and the next stage
goes on in the stream of photos just where it stopped: no photo is dropped or seen twice an epoch.
Where an epoch is read anew, to go on in the middle of one is to read all that comes before it.
So a stage that another follows takes a batch more where the nearest end is less than a batch short
of an epoch's: the next one then skips a few photos, and not nearly all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate

from components.progressive_trainer.decisions import Decision
from components.progressive_trainer.linear_schedule import linear_stages, rate_factor
from components.progressive_trainer.progress_clock import progress
from components.progressive_trainer.schedule_presets import preset_stages
from components.progressive_trainer.schedule_settings import ScheduleSettings, StageSettings
from schemas.errors import ConfigError, FieldmarkError


@dataclass(frozen=True)
class Stage:
    """One stage of a run.

    Attributes:
        index: 0 for the first.
        image_size_px: side of the square that the network sees.
        global_batch: photos per step over all replicas.
        steps: optimizer steps of the stage.
        start_examples: photos seen in the run before the stage.
        peak_learning_rate: before warm-up and decay.
        dropout: share of features dropped before the classifier.
        augment: augmentation strength, 0..1.
        label_smoothing: share of the target spread over all leaves.
        rand_augment: RandAugment's magnitude, 0..30.
        mixup: alpha of Mixup; 0 for none.
        cutmix: alpha of CutMix; 0 for none.
        trainable: "all", "head" for the classifier alone, "top:0.3" for the backbone's top too.
        auto_batch: whether the batch is still to be found, and `global_batch` stands in for it.
    """

    index: int
    image_size_px: int
    global_batch: int
    steps: int
    start_examples: int
    peak_learning_rate: float
    dropout: float
    augment: float
    label_smoothing: float
    rand_augment: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    trainable: str = "all"
    auto_batch: bool = False

    @property
    def end_examples(self) -> int:
        """Photos seen in the run when the stage ends."""
        return self.start_examples + self.steps * self.global_batch

    def as_dict(self) -> dict[str, float | int | str]:
        """The attributes by name, for logs and artifacts."""
        return asdict(self)


def stages(
    settings: ScheduleSettings, *, num_photos: int, decisions: Sequence[Decision] = ()
) -> tuple[Stage, ...]:
    """Returns the stages of a run over `num_photos` training photos.

    Args:
        settings: how the schedule is written.
        num_photos: training photos, an epoch.
        decisions: what the run has decided so far, in order.

    Raises:
        ConfigError: if a stage is too short for a single step.
        FieldmarkError: if a decision is not one of such a run.
    """
    found = {each.stage: each.after for each in decisions if each.what == "global_batch"}
    plan = _planned(settings, found, num_photos=num_photos)
    for decision in decisions:
        if decision.what == "end_examples":
            plan = _end_moved(plan, decision)
    return plan


def _end_moved(plan: tuple[Stage, ...], decision: Decision) -> tuple[Stage, ...]:
    """The stages after it keep their steps, and move along."""
    stage = plan[decision.stage] if 0 <= decision.stage < len(plan) else None
    if stage is None or stage.end_examples != decision.before:
        raise FieldmarkError(
            f"The decision {decision.reason!r} moves the end of stage {decision.stage + 1} from "
            f"photo {decision.before:,}, where this schedule has no such end. It belongs to a run "
            "with other settings: delete its checkpoints to train from the start."
        )
    moved = decision.after - decision.before
    shortened = replace(stage, steps=stage.steps + moved // stage.global_batch)
    later = [
        replace(each, start_examples=each.start_examples + moved)
        for each in plan[decision.stage + 1 :]
    ]
    return (*plan[: decision.stage], shortened, *later)


def to_cross_epoch(end_examples: int, batch: int, *, num_photos: int) -> int:
    """Returns the steps, 0 or 1, that take a stage from just before an epoch's end over it.

    Args:
        end_examples: photos of the run seen when the stage would end.
        batch: its global batch.
        num_photos: training photos, an epoch.
    """
    return 1 if 0 < -end_examples % num_photos < batch < num_photos else 0


def _planned(
    settings: ScheduleSettings, found_batches: Mapping[int, int], *, num_photos: int
) -> tuple[Stage, ...]:
    written = written_stages(settings)
    batches = [_batch(stage, found_batches.get(index)) for index, stage in enumerate(written)]
    epochs = accumulate(stage.epochs or 0 for stage in written)
    examples = accumulate(stage.examples or 0 for stage in written)
    ends = [a * num_photos + b for a, b in zip(epochs, examples, strict=True)]
    plan: list[Stage] = []
    seen = 0
    for index, (stage, batch) in enumerate(zip(written, batches, strict=True)):
        steps = round((ends[index] - seen) / batch)
        if steps < 1:
            raise ConfigError(_too_short(index, stage, batch, num_photos=num_photos))
        if index + 1 < len(written):
            more = to_cross_epoch(seen + steps * batch, batch, num_photos=num_photos)
            left = ends[index + 1] - seen - (steps + more) * batch
            # Not where the next stage would be left without a step of its own.
            steps += more if round(left / batches[index + 1]) >= 1 else 0
        plan.append(
            Stage(
                index=index,
                image_size_px=stage.image_size_px,
                global_batch=batch,
                steps=steps,
                start_examples=seen,
                peak_learning_rate=_peak_rate(stage, batch),
                dropout=stage.dropout,
                augment=stage.augment,
                label_smoothing=stage.label_smoothing,
                rand_augment=stage.rand_augment,
                mixup=stage.mixup,
                cutmix=stage.cutmix,
                trainable=stage.trainable,
                auto_batch=stage.global_batch == "auto" and index not in found_batches,
            )
        )
        seen = plan[-1].end_examples
    return tuple(plan)


def _too_short(index: int, stage: StageSettings, batch: int, *, num_photos: int) -> str:
    if stage.examples is not None:
        length, what = f"{stage.examples:,} photos", "examples"
    else:
        length, what = f"{stage.epochs:g} epochs of {num_photos:,} photos", "epochs"
    return (
        f"schedule stage {index + 1}: {length} are less than one step at a global batch of "
        f"{batch}. Lower the batch or raise the {what}."
    )


def _batch(stage: StageSettings, found: int | None) -> int:
    """Of a batch that is still to be found, the one that the rate is meant at stands in."""
    if stage.global_batch != "auto":
        return stage.global_batch
    assert stage.learning_rate_batch is not None, "checked by StageSettings"
    return found or stage.learning_rate_batch


def _peak_rate(stage: StageSettings, batch: int) -> float:
    if stage.learning_rate_batch is None:
        return stage.learning_rate
    factor = rate_factor(batch, stage.learning_rate_batch, stage.learning_rate_scaling)
    return stage.learning_rate * factor


def largest_image_size_px(settings: ScheduleSettings) -> int:
    """Returns the largest image size of a schedule, which needs no count of photos."""
    return max(stage.image_size_px for stage in written_stages(settings))


def last_image_size_px(settings: ScheduleSettings) -> int:
    """Returns the image size of the last stage, at which the model is exported."""
    return written_stages(settings)[-1].image_size_px


def smallest_image_size_px(settings: ScheduleSettings) -> int:
    """Returns the smallest image size of a schedule, which needs no count of photos."""
    return min(stage.image_size_px for stage in written_stages(settings))


def learning_rate(
    plan: tuple[Stage, ...],
    settings: ScheduleSettings,
    *,
    num_photos: int,
    examples_seen: int,
    decisions: Sequence[Decision] = (),
) -> float:
    """Returns the learning rate of the step that starts at `examples_seen`.

    rate = peak(stage) * min(1, (e + B) / warm-up) * (f + (1 - f) * (1 + cos(pi * p)) / 2)

    with e = examples seen, B = the step's own, p = progress (e / total where nothing was decided,
    see `progress_clock`) and f = `final_rate_share` (Loshchilov & Hutter 2017, without restarts).
    The warm-up counts the step's own photos, so that the first step has a rate above 0.

    Args:
        plan: from `stages`, with the same arguments.
        settings: how the schedule is written.
        num_photos: training photos, an epoch.
        examples_seen: photos of the run seen before the step.
        decisions: what the run has decided so far, in order.
    """
    come = progress(examples_seen, plan[-1].end_examples, decisions)
    warmup = settings.warmup_epochs * num_photos
    rise = (
        min(1.0, (examples_seen + stage_at(plan, examples_seen).global_batch) / warmup)
        if (warmup)
        else 1.0
    )
    floor = settings.final_rate_share
    fall = floor + (1 - floor) * (1 + math.cos(math.pi * come)) / 2
    return stage_at(plan, examples_seen).peak_learning_rate * rise * fall


def stage_at(plan: tuple[Stage, ...], examples_seen: int) -> Stage:
    """Returns the stage that photo number `examples_seen` of the run belongs to."""
    for stage in plan:
        if examples_seen < stage.end_examples:
            return stage
    return plan[-1]


def written_stages(settings: ScheduleSettings) -> tuple[StageSettings, ...]:
    """Returns the stages as a config could have written them out."""
    if settings.stages is not None:
        return settings.stages
    if settings.linear is not None:
        return linear_stages(settings.linear)
    assert settings.preset is not None, "checked by ScheduleSettings"
    return preset_stages(settings.preset)
