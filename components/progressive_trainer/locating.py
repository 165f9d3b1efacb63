"""Finds how many the training photos are, of which leaves, and where they lie: in one pass, once.

A resumed run looks at none of 30 million records again.

train = training_photos(files, settings, counts, checkpoint_dir, num_leaves=100, writes=True)
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.leaf_weights import counts_of_leaves
from components.progressive_trainer.photo_files import PhotoFiles
from components.progressive_trainer.photos import Photos
from components.progressive_trainer.remembered_counts import RememberedCounts
from components.stored_records import NotStored
from schemas.events import emit

LOCATED_FILE = "photo_files.npz"


def training_photos(
    files: Sequence[str],
    settings: TrainerSettings,
    counts: RememberedCounts,
    directory: Path,
    *,
    num_leaves: int,
    writes: bool,
) -> Photos:
    """Returns the training photos; they say where they lie, if that is how they are to be read.

    Args:
        files: TFRecord files (gzip) of transformed records.
        settings: of their reading.
        counts: remembers how many there are.
        directory: of the run's checkpoints, beside which is kept where they lie.
        num_leaves: of the taxonomy.
        writes: whether this process is the one that writes there.

    Raises:
        FieldmarkError: if a file is cut off or damaged, has a record that is none of a photo, or a
            label that is not that of a leaf.
    """
    paths, keep = sorted(files), directory / LOCATED_FILE
    labels = counts.known_labels(paths)
    in_place = not settings.file_order and not _is_held(labels, settings)
    located = PhotoFiles.remembered(paths, keep) if in_place else None
    is_new, why_not = located is None, ""
    if in_place and is_new:
        # How many there are says whether it is needed where they lie; one pass finds both.
        located, why_not = _located(paths)
    if labels is None:
        labels = (
            counts.keep_labels(paths, located.count_labels()) if located else counts.labels(paths)
        )
    photos = Photos(files, int(labels.sum()), counts_of_leaves(labels, num_leaves=num_leaves))
    if settings.file_order or _is_held(labels, settings):
        return photos
    if why_not:
        logging.warning("%s", why_not)
        if writes:
            emit("note", text=why_not)
    if located and is_new and writes:
        located.remember(keep)
    return replace(photos, located=located)


def _is_held(labels: np.ndarray | None, settings: TrainerSettings) -> bool:
    return labels is not None and labels.sum() <= settings.shuffle_buffer_photos


def _located(paths: Sequence[str]) -> tuple[PhotoFiles | None, str]:
    """Where the photos lie, or else why they are read in the order of the files."""
    try:
        return PhotoFiles.of(paths), ""
    except NotStored as reason:
        return None, f"training photos are read in the order of their files: {reason}"
