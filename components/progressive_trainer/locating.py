"""Finds where the training photos lie, once: a resumed run does not look for 30 million again.

train = located(train, settings, checkpoint_dir, writes=devices.is_chief)
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.photo_files import PhotoFiles
from components.progressive_trainer.photos import Photos
from components.stored_records import NotStored
from schemas.events import emit

LOCATED_FILE = "photo_files.npz"


def located(train: Photos, settings: TrainerSettings, directory: Path, *, writes: bool) -> Photos:
    """Returns training photos that say where they lie, if that is how they are to be read.

    Args:
        train: the photos.
        settings: of their reading.
        directory: of the run's checkpoints, beside which is kept what was found.
        writes: whether this process is the one that writes there.

    Raises:
        FieldmarkError: if a file is cut off, or has a record that is none of a photo.
    """
    if train.count <= settings.shuffle_buffer_photos or settings.file_order:
        return train
    paths, file = sorted(train.files), directory / LOCATED_FILE
    found = PhotoFiles.remembered(paths, file)
    if found is None:
        try:
            found = PhotoFiles.of(paths, num_photos=train.count)
        except NotStored as reason:
            note = f"training photos are read in the order of their files: {reason}"
            logging.warning("%s", note)
            if writes:
                emit("note", text=note)
            return train
        if writes:
            found.remember(file)
    return replace(train, located=found)
