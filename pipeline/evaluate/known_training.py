"""What a model was trained on, where it lies in a run that still says so.

training = known_training(Path("runs/ladybirds/pushed/mobile/1700000000"), taxonomy)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.taxon_evaluator.leaf_photos import count_leaf_photos
from components.taxon_evaluator.training_photos import TrainingPhotos, count_training_photos
from schemas.errors import ConfigError
from schemas.taxonomy import Taxonomy


def known_training(model: Path, taxonomy: Taxonomy) -> TrainingPhotos | None:
    """Returns the photos of each leaf and the observers that a model learnt from.

    Args:
        model: directory of a pushed version, or a file in it.
        taxonomy: whose leaves are counted.

    Returns:
        None where the model lies in no run, or the run has lost its photo index.
    """
    indexes = _indexes(model.absolute() if model.is_dir() else model.absolute().parent)
    if not indexes:
        return None
    counted = [count_training_photos(index, taxonomy) for index in indexes]
    return TrainingPhotos(
        np.sum([one.per_leaf for one in counted], axis=0),
        np.unique(np.concatenate([one.observers for one in counted])),
        count_leaf_photos(indexes, taxonomy),
    )


def _indexes(directory: Path) -> list[Path]:
    from pipeline.lineage.chosen_model import choose_model  # ML Metadata takes seconds
    from pipeline.lineage.runs import is_run

    root = next((above for above in directory.parents if is_run(above)), None)
    if root is None:
        return []
    try:
        chosen = choose_model(str(directory), runs=root.parent, version=None)
    except ConfigError:  # a directory of the run that is no pushed version
        return []
    return [index for index in chosen.model.indexes if index.is_dir()]
