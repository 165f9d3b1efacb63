"""A geo model beside ours, as TFLite: for a place, how likely each leaf is to be found there.

It takes the features of `geo_scores.geo_features` and gives a score, 0..1, for each leaf class.
Elevation is taken as 0 m: clients send latitude and longitude, and nothing here knows the height
of a place. So a mountain is scored as if it lay by the sea.

    model = GeoModel("INatGeomodel_Small_2_8bit.tflite", taxonomy, thresholds="thresholds.csv")
    geo = model.at(47.5, 8.7)        # Geo of one photo, for Suggester and `shown`

Safe for several threads. Source: inaturalist/vision-camera-plugin-inatvision, GeoClassifier.java.
"""

from __future__ import annotations

import threading
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.errors import DataError
from schemas.taxonomy import Taxonomy
from serving.any_tflite import load_interpreter
from serving.geo_scores import Geo, geo_features, read_geo_thresholds

ELEVATION_M = 0.0
"""Of every place, since it is not known."""

_FEATURES = 5


class GeoModel:
    """Runs one geo model.

    Args:
        path: of the `.tflite` file, float32 [1, 5] -> float32 [1, N].
        taxonomy: of the model beside it, N leaves in the order of the outputs.
        thresholds: table of the score from which on a leaf counts as expected nearby (see
            `geo_scores.read_geo_thresholds`); None for none, which then bounds no common ancestor.

    Raises:
        DataError: if a file is faulty, or of another taxonomy.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        taxonomy: Taxonomy,
        *,
        thresholds: str | PathLike[str] | None = None,
    ) -> None:
        self._interpreter = load_interpreter(Path(path))
        takes, gives = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._input, self._output = takes[0]["index"], gives[0]["index"]
        self._path, self._lock = path, threading.Lock()
        wanted = [("float32", [1, _FEATURES]), ("float32", [1, taxonomy.num_leaves])]
        found = [_tensor(one) for one in (*takes, *gives)]
        if found != wanted:
            raise DataError(
                path,
                problem="is no geo model of this model: it must take float32 [1, 5] and give "
                f"float32 [1, {taxonomy.num_leaves}], a score a leaf. Received: "
                f"{', '.join(f'{dtype} {shape}' for dtype, shape in found)}.",
                remedy="Give the geo model that belongs to the model's taxonomy.",
            )
        self._thresholds = (
            np.full(taxonomy.num_leaves, np.nan)
            if thresholds is None
            else read_geo_thresholds(thresholds, taxonomy)
        )

    def at(self, latitude: float, longitude: float) -> Geo:
        """Returns what is known of the leaves at a place, as of one photo.

        Args:
            latitude: degrees north, -90..90.
            longitude: degrees east, -180..180.

        Raises:
            FieldmarkError: if the place is not on Earth.
            DataError: if the model gives what is no score.
        """
        features = geo_features(latitude, longitude, elevation_m=ELEVATION_M)
        with self._lock:
            self._interpreter.set_tensor(self._input, features[None])
            self._interpreter.invoke()
            scores: npt.NDArray[np.float32] = self._interpreter.get_tensor(self._output).copy()
        if not ((scores >= 0) & (scores <= 1)).all():
            raise DataError(
                self._path,
                problem=f"gives what is no score, 0..1, at {latitude:g}, {longitude:g}.",
                remedy="Give a geo model that ends in a sigmoid.",
            )
        return Geo(scores, self._thresholds)


def _tensor(details: dict[str, Any]) -> tuple[str, list[int]]:
    return np.dtype(details["dtype"]).name, details["shape"].tolist()
