"""Settings of a schedule: stages written out, two ends to fill in, or a preset.

ScheduleSettings(preset=PresetSchedule(name="short", epochs=12))
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    field_validator,
    model_validator,
)

from schemas.settings import Settings

# What a stage may have, written out or as an end of a linear schedule.
_ImageSizePx = Annotated[int, Field(ge=32, le=1024)]
_Epochs = Annotated[float, Field(gt=0)]
_Dropout = Annotated[float, Field(ge=0, lt=1)]
_Augment = Annotated[float, Field(ge=0, le=1)]
_Magnitude = Annotated[float, Field(ge=0, le=30)]
_Alpha = Annotated[float, Field(ge=0, le=4)]
_Smoothing = Annotated[float, Field(ge=0, lt=1)]


def _part_of_the_network(value: str) -> str:
    if value in ("all", "head") or re.fullmatch(r"top:0?\.\d*[1-9]\d*", value):
        return value
    raise ValueError("must be all, head, or top: and a share between 0 and 1, such as top:0.3")


_Trainable = Annotated[str, AfterValidator(_part_of_the_network)]


def _photos_or_auto(value: object) -> object:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if whole or value == "auto":
        return value
    raise ValueError("Input should be auto, or a whole number of photos, at least 1")


def _as_only_entry(value: object) -> object:
    """One value for all stages."""
    return (value,) if isinstance(value, str) else value


SIZE_MULTIPLE_PX = 32
"""Size that every network here halves to a whole number of pixels, five times."""

_GlobalBatch = Annotated[int | Literal["auto"], PlainValidator(_photos_or_auto)]
RateScaling = Literal["linear", "sqrt", "none"]
"""In proportion to the batch, by its square root, or not at all."""


class StageSettings(Settings):
    """One stage, written out."""

    image_size_px: _ImageSizePx
    """Side of the square that the network sees, in pixels."""

    global_batch: _GlobalBatch
    """Photos per step over all replicas; `auto`: as many as fit, see `trainer.batch_auto`."""

    epochs: _Epochs | None = None
    """Passes over the training photos; may be a fraction. A stage has either this or `examples`."""

    examples: int | None = Field(None, ge=1)
    """Photos that the stage sees, to the nearest batch, however many training photos there are."""

    learning_rate: float = Field(gt=0)
    """Peak learning rate of the stage, before warm-up and decay."""

    learning_rate_batch: int | None = Field(None, ge=1)
    """Global batch at which `learning_rate` is meant, in photos; null: the stage's own."""

    learning_rate_scaling: RateScaling | None = None
    """How the rate follows the batch; null: as suits the optimizer, `sqrt` for AdamW, `linear` for
    SGD and RMSprop."""

    dropout: _Dropout = 0.2
    """Share of features dropped before the classifier, 0..1."""

    augment: _Augment = 0.5
    """Strength of crop, flip and colour augmentation, 0 (none) .. 1 (strong)."""

    rand_augment: _Magnitude = 0.0
    """Magnitude of RandAugment's two operations a photo, 0 (none) .. 30; 10 is its full scale."""

    mixup: _Alpha = 0.0
    """Alpha of Mixup, which blends neighbours of a batch; 0: none."""

    cutmix: _Alpha = 0.0
    """Alpha of CutMix, which pastes a square of the neighbour; 0: none."""

    trainable: _Trainable = "all"
    """What learns: `all` of the network, only its `head`, or with the head the top of the backbone:
    `top:0.3` is the last 30 % of its layers."""

    label_smoothing: _Smoothing = 0.1
    """Share of the target spread evenly over all leaves, 0..1."""

    @model_validator(mode="after")
    def _has_one_length(self) -> StageSettings:
        if (self.epochs is None) == (self.examples is None):
            raise ValueError("a stage takes one of `epochs` and `examples`, and only one")
        return self

    @model_validator(mode="after")
    def _auto_has_a_reference(self) -> StageSettings:
        if self.global_batch == "auto" and self.learning_rate_batch is None:
            raise ValueError(
                "a stage whose global_batch is auto needs learning_rate_batch: the global batch at "
                "which its learning_rate is meant"
            )
        return self


_WITH_TWO_ENDS = (
    *("image_size_px", "global_batch", "epochs", "dropout", "augment"),
    *("rand_augment", "mixup", "cutmix", "label_smoothing"),
)


class LinearSchedule(Settings):
    """Stages between two ends, in equal steps."""

    stages: int = Field(4, ge=1, le=20)
    """Number of stages."""

    image_size_px: tuple[_ImageSizePx, _ImageSizePx] = (100, 299)
    """First and last image size, in pixels, exactly: the last is the phone's and the server's. Of
    this and of all that has two ends here, one value stands for both."""

    size_multiple_px: int = Field(SIZE_MULTIPLE_PX, ge=1, le=1024)
    """Sizes between the two are rounded to a multiple of this, in pixels; 1: to none. Every network
    here halves them five times, at 32 without a remainder."""

    global_batch: tuple[_GlobalBatch, _GlobalBatch] = (64, 32)
    """First and last global batch, in photos; geometric in between. Both `auto`: as many as fit."""

    batch_multiple: int = Field(8, ge=1)
    """Batches between the two are rounded to a multiple of this: a multiple of the replicas divides
    among them."""

    epochs: tuple[_Epochs, _Epochs] = (10.0, 10.0)
    """Epochs of the first and of the last stage."""

    learning_rate: float = Field(1e-3, gt=0)
    """Peak learning rate at a global batch of `learning_rate_batch`."""

    learning_rate_batch: int = Field(64, ge=1)
    """Global batch at which `learning_rate` is meant, in photos."""

    learning_rate_scaling: RateScaling | None = None
    """How the rate follows the batch; null: as suits the optimizer, `sqrt` for AdamW, `linear` for
    SGD and RMSprop."""

    dropout: tuple[_Dropout, _Dropout] = (0.1, 0.3)
    """Dropout of the first and of the last stage, 0..1."""

    augment: tuple[_Augment, _Augment] = (0.3, 0.8)
    """Augmentation strength of the first and of the last stage, 0..1."""

    rand_augment: tuple[_Magnitude, _Magnitude] = (0.0, 0.0)
    """RandAugment's magnitude in the first and in the last stage, 0..30."""

    mixup: tuple[_Alpha, _Alpha] = (0.0, 0.0)
    """Mixup's alpha in the first and in the last stage; 0: none."""

    cutmix: tuple[_Alpha, _Alpha] = (0.0, 0.0)
    """CutMix's alpha in the first and in the last stage; 0: none."""

    label_smoothing: tuple[_Smoothing, _Smoothing] = (0.1, 0.1)
    """Share of the target spread evenly over all leaves in the first and the last stage, 0..1."""

    trainable: Annotated[tuple[_Trainable, ...], BeforeValidator(_as_only_entry)] = ("all",)
    """What learns in each stage, as in `stages`: an entry a stage, or one for all of them."""

    @field_validator(*_WITH_TWO_ENDS, mode="before")
    @classmethod
    def _one_value_is_both_ends(cls, value: object) -> object:
        one = isinstance(value, (int, float, str)) and not isinstance(value, bool)
        return (value, value) if one else value

    @model_validator(mode="after")
    def _each_stage_learns(self) -> LinearSchedule:
        if len(self.trainable) not in (1, self.stages):
            raise ValueError(
                f"trainable takes one entry, or one for each of {self.stages} stages; "
                f"{len(self.trainable)} came"
            )
        return self

    @model_validator(mode="after")
    def _both_auto_or_none(self) -> LinearSchedule:
        if self.global_batch.count("auto") == 1:
            raise ValueError("global_batch takes two numbers, or auto for both: nothing is between")
        return self


_S = TypeVar("_S", StageSettings, LinearSchedule, "PresetSchedule")

SchedulePreset = Literal["fixed", "journal", "short", "paper-s", "paper-m", "transfer"]
"""The recipes of `schedule_presets`."""


class PresetSchedule(Settings):
    """A published recipe, fitted to the run: see docs/progressive.md."""

    name: SchedulePreset
    """The recipe."""

    epochs: float = Field(30.0, gt=0)
    """Epochs of all stages together."""

    image_size_px: _ImageSizePx | None = None
    """Size of the last stage, in pixels; the others keep their ratio to it, but for
    `smallest_size_px`. Null: the recipe's."""

    smallest_size_px: _ImageSizePx = 96
    """Where the first stage would be smaller than this, in pixels, it has this size (at most the
    last one's), and the stages between keep their places between the two. Every network here halves
    a photo five times: of 96 px nine places are left to tell its parts by, of 64 px four."""

    size_multiple_px: int = Field(1, ge=1, le=1024)
    """Sizes are rounded to a multiple of this, in pixels, but for an `image_size_px` that is given;
    1: as published. 32 suits every network here: `fieldmark schedule` says what it would save."""

    global_batch: _GlobalBatch = 32
    """Global batch of the last stage, in photos; `auto`: in each stage as many as fit."""

    batch_multiple: int = Field(8, ge=1)
    """Batches that the recipe makes larger than the last are rounded to a multiple of this: a
    multiple of the replicas divides among them."""

    learning_rate: float = Field(1e-3, gt=0)
    """Peak learning rate at a global batch of `learning_rate_batch`."""

    learning_rate_batch: int = Field(64, ge=1)
    """Global batch at which `learning_rate` is meant, in photos."""

    learning_rate_scaling: RateScaling | None = None
    """How the rate follows the batch; null: as suits the optimizer, `sqrt` for AdamW, `linear` for
    SGD and RMSprop."""

    trainable: Annotated[
        Annotated[tuple[_Trainable, ...], Field(min_length=1)] | None,
        BeforeValidator(_as_only_entry),
    ] = None
    """What learns in each stage, as in `stages`: an entry a stage, or one for all of them; null: as
    the recipe has it."""


class ScheduleSettings(Settings):
    """`stages` written out, `linear` ends to fill in, or a `preset`; and the shape of the rate."""

    stages: tuple[StageSettings, ...] | None = None
    """The stages, in order."""

    linear: LinearSchedule | None = None
    """Two ends, from which the stages are filled in."""

    preset: PresetSchedule | None = None
    """A published recipe, from which the stages are made."""

    warmup_epochs: float = Field(1.0, ge=0)
    """The rate rises linearly from 0 over this many epochs at the start of the run."""

    final_rate_share: float = Field(0.01, gt=0, le=1)
    """The rate falls along a cosine to this share of its peak at the end of the run."""

    @model_validator(mode="after")
    def _mixes_pairs(self) -> ScheduleSettings:
        # Of stages that are written out; how batches between two ends are rounded is found later.
        for index, stage in enumerate(self.stages or ()):
            odd = stage.global_batch != "auto" and stage.global_batch % 2
            if odd and (stage.mixup > 0 or stage.cutmix > 0):
                raise ValueError(
                    f"stages.{index}.global_batch must be even: mixup and cutmix mix the photos of "
                    f"a batch in pairs; {stage.global_batch} came"
                )
        return self

    @model_validator(mode="after")
    def _one_of(self) -> ScheduleSettings:
        given = [way for way in (self.stages, self.linear, self.preset) if way is not None]
        if len(given) != 1:
            raise ValueError("schedule takes one of `stages`, `linear` and `preset`, and only one")
        if self.stages is not None and not self.stages:
            raise ValueError("schedule.stages must name at least one stage")
        return self


def with_rate_scaling(settings: ScheduleSettings, scaling: RateScaling) -> ScheduleSettings:
    """Returns the settings with `scaling` where they leave open how the rate follows the batch."""

    def filled(given: _S) -> _S:
        if given.learning_rate_scaling is not None:
            return given
        return given.model_copy(update={"learning_rate_scaling": scaling})

    ways = {
        "stages": settings.stages and tuple(map(filled, settings.stages)),
        "linear": settings.linear and filled(settings.linear),
        "preset": settings.preset and filled(settings.preset),
    }
    return settings.model_copy(update=ways)
