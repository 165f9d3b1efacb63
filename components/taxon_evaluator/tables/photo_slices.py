"""Slices that a photo's own record decides: licence, year, place, and whether its observer is new.

What the record does not say is the slice "unknown", so that every photo is in one slice of each
family and their sums are the overall figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.training_photos import TrainingPhotos
from schemas import record

LICENSE, YEAR, CELL, OBSERVER = "license", "year", "cell", "observer"
PHOTO_FAMILIES = (LICENSE, YEAR, CELL, OBSERVER)
"""Families of slices, as the tables name them."""

UNKNOWN = "unknown"
IN_TRAINING, NEW = "in training", "new"

Strings = npt.NDArray[np.str_]


def photo_slices(
    features: Mapping[str, npt.NDArray[Any]], training: TrainingPhotos, *, cell_degrees: int
) -> dict[str, Strings]:
    """Returns str [B] for each of PHOTO_FAMILIES.

    Args:
        features: of transformed records (schemas.record), [B] each; a feature that is missing
            altogether is unknown of every photo.
        training: who observed what the model trained on.
        cell_degrees: edge of a cell of latitude and longitude.
    """
    count = len(features[record.PHOTO_ID])
    dates = _texts(features.get(record.OBSERVED_ON), count)
    observers = _texts(features.get(record.OBSERVER), count)
    return {
        LICENSE: _or_unknown(_texts(features.get(record.LICENSE), count)),
        YEAR: _or_unknown(np.array([date[:4] for date in dates], np.str_)),
        CELL: _cells(features, count, cell_degrees),
        OBSERVER: np.where(
            observers == "", UNKNOWN, np.where(training.knows(list(observers)), IN_TRAINING, NEW)
        ),
    }


def cell_name(latitude: float, longitude: float, cell_degrees: int) -> str:
    """Returns the south-west corner of a place's cell: "+40-130" is 40 north, 130 west."""
    south = int(min(latitude, 89.999) // cell_degrees) * cell_degrees
    west = int(min(longitude, 179.999) // cell_degrees) * cell_degrees
    return f"{south:+03d}{west:+04d}"


def _cells(features: Mapping[str, npt.NDArray[Any]], count: int, cell_degrees: int) -> Strings:
    nowhere = np.full(count, np.nan, np.float32)
    latitudes = features.get(record.LATITUDE, nowhere)
    longitudes = features.get(record.LONGITUDE, nowhere)
    known = np.isfinite(latitudes) & np.isfinite(longitudes)
    names = [
        cell_name(float(latitude), float(longitude), cell_degrees) if is_known else UNKNOWN
        for latitude, longitude, is_known in zip(latitudes, longitudes, known, strict=True)
    ]
    return np.array(names, np.str_)


def _texts(values: npt.NDArray[Any] | None, count: int) -> Strings:
    if values is None:
        return np.full(count, "", np.str_)
    texts = [v.decode() if isinstance(v, bytes) else str(v) for v in values.tolist()]
    return np.array(texts, np.str_)


def _or_unknown(texts: Strings) -> Strings:
    return np.where(texts == "", UNKNOWN, texts)
