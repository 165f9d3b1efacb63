"""Published recipes as stages.

fixed     one stage at the last size with the last regularisation: what the others are measured by
journal   100, 200, 299 px; the batch shrinks to a quarter while the photos grow, and with it the
          regularisation grows: for long runs on many photos; over few epochs its batches leave too
          few steps
short     210, 255, 299 px; batch and mild regularisation constant, and each stage's rate above the
          last one's: for a few epochs, from scratch or from pretrained weights
paper-s   EfficientNetV2-S: 128 to 300 px, dropout 0.1 to 0.3, RandAugment 5 to 15
paper-m   EfficientNetV2-M: 128 to 380 px, dropout 0.1 to 0.4, RandAugment 5 to 20, Mixup 0 to 0.2
transfer  the head alone on a frozen backbone at half the size, then all of the network

The paper's are Tan & Le 2021 (arXiv:2104.00298), table 6: four stages of equal length, batch
constant. A preset is fitted to the run: total epochs, last size and last batch are the run's, and
no stage is smaller than `smallest_size_px`.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.progressive_trainer.linear_schedule import of_stage, rounded
from components.progressive_trainer.schedule_settings import PresetSchedule, StageSettings
from schemas.errors import ConfigError


@dataclass(frozen=True)
class Recipe:
    """One value a stage for everything that moves.

    Attributes:
        size_px: as published, growing; the last is what `image_size_px` replaces.
        epochs_share: of the run, summing to 1.
        batch_factor: to the batch of the last stage.
        rate_factor: to the rate that follows from the batch.
        dropout, augment, rand_augment, mixup: see StageSettings.
        trainable: see StageSettings.
    """

    size_px: tuple[int, ...]
    epochs_share: tuple[float, ...]
    batch_factor: tuple[float, ...]
    dropout: tuple[float, ...]
    augment: tuple[float, ...]
    rand_augment: tuple[float, ...]
    mixup: tuple[float, ...]
    rate_factor: tuple[float, ...]
    trainable: tuple[str, ...]


RECIPES = {
    "fixed": Recipe(
        size_px=(299,),
        epochs_share=(1.0,),
        batch_factor=(1.0,),
        dropout=(0.3,),
        augment=(0.8,),
        rand_augment=(0.0,),
        mixup=(0.0,),
        rate_factor=(1.0,),
        trainable=("all",),
    ),
    "journal": Recipe(
        size_px=(100, 200, 299),
        epochs_share=(0.5, 0.25, 0.25),
        batch_factor=(4.0, 2.0, 1.0),
        dropout=(0.1, 0.2, 0.3),
        augment=(0.3, 0.55, 0.8),
        rand_augment=(0.0, 0.0, 0.0),
        mixup=(0.0, 0.0, 0.0),
        rate_factor=(1.0, 1.0, 1.0),
        trainable=("all",) * 3,
    ),
    "short": Recipe(
        # Pretrained features do not outlive a third of their size, nor few epochs a large batch.
        size_px=(210, 255, 299),
        epochs_share=(0.3, 0.3, 0.4),
        batch_factor=(1.0, 1.0, 1.0),
        dropout=(0.2, 0.2, 0.2),
        augment=(0.3, 0.3, 0.3),
        rand_augment=(0.0, 0.0, 0.0),
        mixup=(0.0, 0.0, 0.0),
        # The cosine spans the run: without this the full size would be learnt with what is left.
        rate_factor=(1.0, 4 / 3, 2.0),
        trainable=("all",) * 3,
    ),
    "paper-s": Recipe(
        size_px=(128, 185, 243, 300),
        epochs_share=(0.25,) * 4,
        batch_factor=(1.0,) * 4,
        dropout=(0.1, 0.1667, 0.2333, 0.3),
        augment=(0.5,) * 4,
        rand_augment=(5.0, 8.33, 11.67, 15.0),
        mixup=(0.0,) * 4,
        rate_factor=(1.0,) * 4,
        trainable=("all",) * 4,
    ),
    "paper-m": Recipe(
        size_px=(128, 212, 296, 380),
        epochs_share=(0.25,) * 4,
        batch_factor=(1.0,) * 4,
        dropout=(0.1, 0.2, 0.3, 0.4),
        augment=(0.5,) * 4,
        rand_augment=(5.0, 10.0, 15.0, 20.0),
        mixup=(0.0, 0.0667, 0.1333, 0.2),
        rate_factor=(1.0,) * 4,
        trainable=("all",) * 4,
    ),
    "transfer": Recipe(
        size_px=(150, 299),
        epochs_share=(0.5, 0.5),
        batch_factor=(2.0, 1.0),
        dropout=(0.1, 0.2),
        augment=(0.3, 0.5),
        rand_augment=(0.0, 0.0),
        mixup=(0.0, 0.0),
        # A trained backbone is only to be tuned: its first steps must not wash it out.
        rate_factor=(1.0, 0.2),
        trainable=("head", "all"),
    ),
}
"""The recipes by the name that a config gives."""


def preset_stages(preset: PresetSchedule) -> tuple[StageSettings, ...]:
    """Returns the stages of a preset, fitted to the run's epochs, last size and last batch.

    Raises:
        ConfigError: if `trainable` has not an entry for each of its stages.
    """
    recipe = RECIPES[preset.name]
    trainable = _trainable(preset, recipe)
    published_first, published_last = recipe.size_px[0], recipe.size_px[-1]
    last = preset.image_size_px or published_last
    first = max(published_first * last / published_last, min(preset.smallest_size_px, last))

    def size(index: int) -> int:
        published = recipe.size_px[index]
        if published == published_last:
            return preset.image_size_px or rounded(last, preset.size_multiple_px)
        place = (published - published_first) / (published_last - published_first)
        exact = first + place * (last - first)
        nearest = rounded(exact, preset.size_multiple_px)
        fits = min(preset.smallest_size_px, last) <= nearest <= size(-1)
        return nearest if fits else round(exact)

    def stage(index: int) -> StageSettings:
        batch = preset.global_batch
        if batch != "auto" and recipe.batch_factor[index] != 1.0:
            batch = rounded(batch * recipe.batch_factor[index], preset.batch_multiple)
        return StageSettings.model_validate(
            {
                "image_size_px": size(index),
                "global_batch": batch,
                "epochs": preset.epochs * recipe.epochs_share[index],
                "learning_rate": preset.learning_rate * recipe.rate_factor[index],
                "learning_rate_batch": preset.learning_rate_batch,
                "learning_rate_scaling": preset.learning_rate_scaling,
                "dropout": recipe.dropout[index],
                "augment": recipe.augment[index],
                "rand_augment": recipe.rand_augment[index],
                "mixup": recipe.mixup[index],
                "trainable": of_stage(trainable, index),
            }
        )

    return tuple(stage(index) for index in range(len(recipe.size_px)))


def _trainable(preset: PresetSchedule, recipe: Recipe) -> tuple[str, ...]:
    trainable, count = preset.trainable or recipe.trainable, len(recipe.size_px)
    if len(trainable) not in (1, count):
        raise ConfigError(
            f"schedule.preset.trainable takes one entry, or one for each of the {count} stages of "
            f"{preset.name}. Received: {list(trainable)!r}. Give {count}, or write the stages out."
        )
    return trainable
