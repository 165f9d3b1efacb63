"""Settings of ProgressiveTrainer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from components.progressive_trainer.adaptive_settings import AdaptiveSettings
from components.progressive_trainer.batch_settings import BatchAutoSettings
from components.progressive_trainer.schedule_settings import (
    LinearSchedule,
    RateScaling,
    ScheduleSettings,
    StageSettings,
    with_rate_scaling,
)
from schemas.settings import Settings

__all__ = ["LAST_BLESSED", "Network", "ScheduleSettings", "StageSettings", "TrainerSettings"]

Network = Literal[
    "small",
    "mobilenet_025",
    "efficientnetv2_b0",
    "efficientnetv2_b1",
    "efficientnetv2_b2",
    "efficientnetv2_b3",
    "efficientnetv2_s",
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "efficientnet_lite3",
    "efficientnet_lite4",
    "xception",
]


LARGEST_SEED = 2**31 - 1
"""A training step takes the seed as int32."""

LAST_BLESSED = "last_blessed"
"""Of `base_weights`: what was pushed last."""

_NO_FILE = ("none", "imagenet", LAST_BLESSED)
"""Of `base_weights`: all that is no path."""


RATE_SCALING: dict[str, RateScaling] = {"adamw": "sqrt", "rmsprop": "linear", "sgd": "linear"}
"""How the rate follows the batch where the schedule does not say it, by optimizer: Goyal et al. for
SGD, which RMSprop with its epsilon of 1 is near to; Malladi et al. for Adam (see `rate_factor`)."""


class TrainerSettings(Settings):
    """What is trained, and how."""

    network: Network = "efficientnetv2_b0"
    """Backbone: one of keras.applications; EfficientNet-Lite, made for full int8 on phones; or
    `small`, made for training on a CPU."""

    base_weights: str = "none"
    """Where training starts: `none` (random), `imagenet`, the path of a Keras weights file of the
    backbone (for EfficientNet-Lite also a PyTorch state dict, .pth), the directory of a model that
    Fieldmark pushed, classifier included, or `last_blessed`: the newest model that this pipeline
    pushed from another training."""

    first_base_weights: str = "none"
    """Where training starts with `last_blessed` before any model was blessed: one of the others."""

    synonyms: str | None = None
    """Table of taxa that changed since the model in `base_weights` was trained: iNaturalist's
    synonyms.csv."""

    head_rank: int | None = Field(None, ge=1)
    """Rank of a low-rank head, which saves weights where leaves are many; null: a full head."""

    sampled_softmax: int | None = Field(None, ge=1)
    """Leaves drawn each step that the training loss is taken over, beside the photos' own; null:
    all of them. Validation always takes all."""

    schedule: ScheduleSettings = ScheduleSettings(linear=LinearSchedule())
    """The stages."""

    batch_auto: BatchAutoSettings = BatchAutoSettings()
    """How the batch of a stage with `global_batch: auto` is found."""

    adaptive: AdaptiveSettings | None = None
    """Stages end early, or go on, by what they gain a second; null: as planned."""

    optimizer: Literal["adamw", "rmsprop", "sgd"] = "adamw"
    """AdamW, RMSprop (rho 0.9, momentum 0.9) or SGD (Nesterov momentum 0.9)."""

    weight_decay: float = Field(0.02, ge=0)
    """Decoupled weight decay on kernels; biases and normalisation are left alone."""

    clip_global_norm: float | None = Field(1.0, gt=0)
    """Gradients are scaled down to this global norm, after summing over replicas; null: never."""

    class_weighting: float = Field(0.0, ge=0, le=1)
    """What photos of rare leaves count more in the training loss: n photos of a leaf weigh n^-p
    each, their mean being 1. 0: all photos alike; 1: all leaves alike."""

    ema_decay: float | None = Field(None, gt=0, lt=1)
    """Keeps an average of the weights, which is validated and exported: the share of it that stays
    over 64 photos, whatever the batch (0.9999: the last 640,000 photos count); null: none."""

    transpose: float = Field(0.0, ge=0, le=1)
    """Share of training photos, 0..1, whose rows and columns change places: iNaturalist's Android
    app hands photos over so, and a model that never saw one does worse on them (docs/mobile.md)."""

    xla: bool = False
    """Compiles the training step with XLA: on a single device only."""

    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Arithmetic; mixed_float16 suits recent NVIDIA GPUs, float32 CPUs."""

    shuffle_buffer_photos: int = Field(8192, ge=1)
    """Encoded photos that may be held in memory. Where all training photos have room, each stage
    reads them once; of more, each is read where it lies in its file whenever its turn comes."""

    file_order: bool = False
    """Reads training photos that are not held in the order of their files, shuffled through a
    buffer of `shuffle_buffer_photos`: for disks that seek slowly."""

    eval_batch: int = Field(64, ge=1)
    """Photos per step when validating, over all replicas."""

    checkpoint_secs: float = Field(600.0, gt=0)
    """A checkpoint is written at every epoch's end, and within epochs this often, in seconds."""

    history_steps: int = Field(50, ge=1, le=10_000)
    """The history has a row every so many steps, and one for the rest at an epoch's end."""

    seed: int = Field(1, ge=0, le=LARGEST_SEED)
    """Seed of initial weights, shuffling, augmentation and dropout."""

    longest_wait_secs: float = Field(1800.0, gt=0)
    """Several machines: longest wait for the others to come, and later for a step, in seconds."""

    logical_cpu_devices: int = Field(1, ge=1, le=16)
    """Replicas to make of a CPU where there is no GPU: for testing, it is not faster."""

    @property
    def named_files(self) -> dict[str, str]:
        """The paths that training reads beside its photos, by setting."""
        from_last = self.base_weights == LAST_BLESSED
        given = {
            "trainer.base_weights": self.base_weights,
            "trainer.first_base_weights": self.first_base_weights if from_last else "none",
            "trainer.synonyms": self.synonyms or "none",
        }
        return {setting: path for setting, path in given.items() if path not in _NO_FILE}

    @model_validator(mode="after")
    def _first_weights_can_be_had(self) -> TrainerSettings:
        if self.first_base_weights == LAST_BLESSED:
            raise ValueError(
                "trainer.first_base_weights is for the time before any model was blessed: none, "
                "imagenet, a weights file or the directory of a model"
            )
        return self

    @model_validator(mode="after")
    def _rate_follows_the_batch_as_suits_the_optimizer(self) -> TrainerSettings:
        schedule = with_rate_scaling(self.schedule, RATE_SCALING[self.optimizer])
        object.__setattr__(self, "schedule", schedule)  # frozen only from here on
        return self
