"""What the same model is worth under each client's preprocessing.

The phone's app, the server and the training code of iNaturalist cut and resize photos each in its
own way; two leave them as a camera stored them, one mirrors them along the diagonal. Here the
SavedModel answers the same photos, as they were taken, under each of
`serving.preprocess_spec.CONVENTIONS`.

    conventions(server, taxonomy, files, max_photos=200)["android"]["top1"]
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.mobile_validator.original_photos import OriginalPhoto, original_photos
from schemas.taxonomy import Taxonomy
from schemas.wilson import wilson_interval
from serving.preprocess_spec import CONVENTIONS, Preprocessing, as_client
from serving.saved_model_classifier import SavedModelClassifier

BATCH_SIZE = 32

Ints = npt.NDArray[np.int64]


def conventions(
    server: SavedModelClassifier, taxonomy: Taxonomy, files: Sequence[str], *, max_photos: int
) -> dict[str, Any]:
    """Returns by convention its accuracy and its agreement with ours; empty without photos.

    Args:
        server: the model.
        taxonomy: of the model.
        files: gzipped TFRecords of raw records.
        max_photos: how many to answer under each.
    """
    first: dict[str, list[Ints]] = {name: [] for name in CONVENTIONS}
    labels: list[int] = []
    photos = original_photos(files, taxonomy, max_photos=max_photos)
    # A batch of photos in memory at a time: an original may have 12 million pixels.
    while batch := list(itertools.islice(photos, BATCH_SIZE)):
        labels += [photo.label for photo in batch]
        for name, convention in CONVENTIONS.items():
            first[name].append(_first_leaves(server, batch, convention.spec))
    if not labels:
        return {}
    found = {name: np.concatenate(parts) for name, parts in first.items()}
    truth, ours = np.array(labels), next(iter(found.values()))
    return {name: _entry(name, leaves == truth, leaves == ours) for name, leaves in found.items()}


def _first_leaves(
    server: SavedModelClassifier, photos: Sequence[OriginalPhoto], spec: Preprocessing
) -> Ints:
    upright = spec.orientation == "upright by EXIF"
    pixels = [
        as_client(photo.picture(upright=upright), server.image_size_px, spec) for photo in photos
    ]
    return np.asarray(server.scores(np.stack(pixels)).argmax(axis=1))


def _entry(
    name: str, right: npt.NDArray[np.bool_], agreeing: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    low, high = wilson_interval(np.array(right.sum()), np.array(len(right)))
    return {
        "words": CONVENTIONS[name].words,
        "preprocessing": CONVENTIONS[name].spec.model_dump(mode="json"),
        "photos": len(right),
        "top1": float(right.mean()),
        "top1_interval": [float(low), float(high)],
        "top1_agreement": float(agreeing.mean()),
    }
