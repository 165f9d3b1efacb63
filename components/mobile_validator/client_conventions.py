"""What the same model is worth under each client's preprocessing.

The phone's app, the server and the training code of iNaturalist cut and resize photos each in its
own way; one of them mirrors them along the diagonal. Here the SavedModel answers the same photos
under each (`serving.preprocess_spec.CONVENTIONS`), beside our own.

The photos are those that Transform stored, upright and their shorter side at the largest training
size: what a larger original would lose to a coarse filter shows here less than it would there.

    conventions(server, files, max_photos=200)["android"]["top1"]
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from components.mobile_validator.labelled_photos import encoded_photos
from schemas.wilson import wilson_interval
from serving.preprocess_spec import CONVENTIONS, as_client
from serving.saved_model_classifier import SavedModelClassifier

BATCH_SIZE = 32

Ints = npt.NDArray[np.int64]


def conventions(
    server: SavedModelClassifier, files: Sequence[str], *, max_photos: int
) -> dict[str, Any]:
    """Returns by convention its accuracy and its agreement with ours; empty for no photos.

    Args:
        server: the model.
        files: gzipped TFRecords of transformed records.
        max_photos: how many to answer under each.
    """
    if not max_photos:
        return {}
    photos, labels = _decoded(files, max_photos)
    first = {name: _first_leaves(server, photos, name) for name in CONVENTIONS}
    ours = next(iter(first.values()))
    return {name: _entry(name, found == labels, found == ours) for name, found in first.items()}


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


def _decoded(files: Sequence[str], max_photos: int) -> tuple[list[npt.NDArray[np.uint8]], Ints]:
    photos, labels = [], []
    for encoded, label in encoded_photos(files, max_photos=max_photos):
        photos.append(np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB")))
        labels.append(label)
    return photos, np.array(labels, np.int64)


def _first_leaves(
    server: SavedModelClassifier, photos: Sequence[npt.NDArray[np.uint8]], name: str
) -> Ints:
    spec, size = CONVENTIONS[name].spec, server.image_size_px
    found = []
    for start in range(0, len(photos), BATCH_SIZE):
        batch = [as_client(photo, size, spec) for photo in photos[start : start + BATCH_SIZE]]
        found.append(server.scores(np.stack(batch)).argmax(axis=1))
    return np.concatenate(found)
