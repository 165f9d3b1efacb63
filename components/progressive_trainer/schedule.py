"""The schedule: config in, stages out, and the learning rate at any point of the run.

The law: a run's stages are a pure function of its settings and of the number of training photos.
Trainer, report and resume all read the one tuple that `stages` returns. Progress is counted in
examples seen, since the batch moves: photo number e of the run belongs to exactly one stage.

    plan = stages(settings.schedule, num_photos=1700)
    plan[0].image_size_px, plan[0].global_batch, plan[0].steps
    learning_rate(plan, settings.schedule, num_photos=1700, examples_seen=5000)

A stage ends at the whole number of batches nearest to its share of the run, and the next stage
goes on in the stream of photos just where it stopped: no photo is dropped or seen twice an epoch.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from components.progressive_trainer.config import ScheduleSettings, StageSettings
from components.progressive_trainer.linear_schedule import linear_stages
from components.progressive_trainer.schedule_presets import preset_stages
from schemas.errors import ConfigError


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

    @property
    def end_examples(self) -> int:
        """Photos seen in the run when the stage ends."""
        return self.start_examples + self.steps * self.global_batch

    def as_dict(self) -> dict[str, float | int | str]:
        """The attributes by name, for logs and artifacts."""
        return asdict(self)


def stages(settings: ScheduleSettings, *, num_photos: int) -> tuple[Stage, ...]:
    """Returns the stages of a run over `num_photos` training photos.

    Raises:
        ConfigError: if a stage is too short for a single step.
    """
    written = written_stages(settings)
    plan: list[Stage] = []
    seen, epochs = 0, 0.0
    for index, stage in enumerate(written):
        epochs += stage.epochs
        steps = round((epochs * num_photos - seen) / stage.global_batch)
        if steps < 1:
            raise ConfigError(
                f"schedule stage {index + 1}: {stage.epochs:g} epochs of {num_photos:,} photos are "
                f"less than one step at a global batch of {stage.global_batch}. "
                "Lower the batch or raise the epochs."
            )
        plan.append(
            Stage(
                index=index,
                image_size_px=stage.image_size_px,
                global_batch=stage.global_batch,
                steps=steps,
                start_examples=seen,
                peak_learning_rate=stage.learning_rate,
                dropout=stage.dropout,
                augment=stage.augment,
                label_smoothing=stage.label_smoothing,
                rand_augment=stage.rand_augment,
                mixup=stage.mixup,
                cutmix=stage.cutmix,
                trainable=stage.trainable,
            )
        )
        seen = plan[-1].end_examples
    return tuple(plan)


def largest_image_size_px(settings: ScheduleSettings) -> int:
    """Returns the largest image size of a schedule, which needs no count of photos."""
    return max(stage.image_size_px for stage in written_stages(settings))


def learning_rate(
    plan: tuple[Stage, ...], settings: ScheduleSettings, *, num_photos: int, examples_seen: int
) -> float:
    """Returns the learning rate of the step that starts at `examples_seen`.

    rate = peak(stage) * min(1, e / warm-up) * (f + (1 - f) * (1 + cos(pi * e / total)) / 2)

    with e = examples seen and f = `final_rate_share` (Loshchilov & Hutter 2017, without restarts).
    """
    total = plan[-1].end_examples
    warmup = settings.warmup_epochs * num_photos
    rise = (
        min(1.0, (examples_seen + stage_at(plan, examples_seen).global_batch) / warmup)
        if (warmup)
        else 1.0
    )
    floor = settings.final_rate_share
    fall = floor + (1 - floor) * (1 + math.cos(math.pi * min(1.0, examples_seen / total))) / 2
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
