"""What a model was trained on, where it lies in a run that still says so.

known = known_training(Path("runs/ladybirds/pushed/mobile/1700000000"), taxonomy)
known.photos, known.export
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.taxon_evaluator.leaf_photos import count_leaf_photos
from components.taxon_evaluator.training_photos import TrainingPhotos, count_training_photos
from pipeline.layout import Layout
from schemas.errors import ConfigError
from schemas.taxonomy import Taxonomy


@dataclass(frozen=True, eq=False)
class KnownTraining:
    """What a run says of a model's training.

    Attributes:
        photos: of each leaf, and observers.
        export: fingerprint of the export.
        settings: of the trainer.
    """

    photos: TrainingPhotos
    export: str
    settings: Mapping[str, Any]


def known_training(model: Path, taxonomy: Taxonomy) -> KnownTraining | None:
    """Returns what a model learnt from.

    Args:
        model: directory of a pushed version, or a file in it.
        taxonomy: whose leaves are counted.

    Returns:
        None where the model lies in no run, or the run has lost its photo index.
    """
    from pipeline.lineage.chosen_model import choose_model  # ML Metadata takes seconds
    from pipeline.lineage.evaluations import training_of
    from pipeline.lineage.graph import read_graph
    from pipeline.lineage.runs import is_run

    directory = model.absolute() if model.is_dir() else model.absolute().parent
    root = next((above for above in directory.parents if is_run(above)), None)
    if root is None:
        return None
    try:
        chosen = choose_model(str(directory), runs=root.parent, version=None).model
    except ConfigError:  # a directory of the run that is no pushed version
        return None
    indexes = [index for index in chosen.indexes if index.is_dir()]
    training = training_of(read_graph(Layout(root).metadata_db), chosen.execution_id)
    if not indexes or training is None:
        return None
    photos = _photos_of(indexes, taxonomy)
    return KnownTraining(photos, training.export, training.settings)


def _photos_of(indexes: list[Path], taxonomy: Taxonomy) -> TrainingPhotos:
    counted = [count_training_photos(index, taxonomy) for index in indexes]
    return TrainingPhotos(
        np.sum([one.per_leaf for one in counted], axis=0),
        np.unique(np.concatenate([one.observers for one in counted])),
        count_leaf_photos(indexes, taxonomy),
    )
