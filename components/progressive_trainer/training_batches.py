"""A stage's batches of training photos, for whatever devices a run has.

batches = training_batches(train, stage, settings, devices, seen=51200, end=102400)
images, labels, photo_ids = next(batches)       # of all replicas of this machine
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.damaged_file import damage_named
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.photo_files import PhotoFiles
from components.progressive_trainer.photo_stream import training_stream
from components.progressive_trainer.photos import Photos
from components.progressive_trainer.schedule import Stage


def training_batches(
    train: Photos,
    stage: Stage,
    settings: TrainerSettings,
    devices: Devices,
    *,
    seen: int,
    end: int,
) -> Iterator[Any]:
    """Returns the batches from photo `seen` of the run to photo `end`; they are prepared ahead.

    Args:
        train: training photos.
        stage: their size, batch and augmentation.
        settings: seed and shuffling.
        devices: where to run.
        seen: photos of the run seen.
        end: whole batches that do not go beyond it are given.

    Raises:
        FieldmarkError: when a batch is asked for, if a file of photos was changed meanwhile, or
            damaged.
    """

    def make(_: tf.distribute.InputContext) -> tf.data.Dataset:
        return training_stream(
            train.files,
            num_photos=train.count,
            start_examples=seen,
            image_size_px=stage.image_size_px,
            global_batch=stage.global_batch,
            steps=(end - seen) // stage.global_batch,
            augment=stage.augment,
            rand_augment=stage.rand_augment,
            transpose=settings.transpose,
            seed=settings.seed,
            shuffle_buffer_photos=settings.shuffle_buffer_photos,
            share=devices.share,
            photo_files=train.located,
        )

    return _with_reasons(
        iter(devices.strategy.distribute_datasets_from_function(make)), train.files, train.located
    )


def _with_reasons(
    batches: Iterator[Any], files: Sequence[str], located: PhotoFiles | None
) -> Iterator[Any]:
    """Says why a photo could not be read in words of its own."""
    try:
        with damage_named(files):
            yield from batches
    except tf.errors.OpError as error:
        if located and located.failures:
            raise located.failures[0] from error
        raise
