"""Where a photo was taken, and what that says about its taxa: iNaturalist's geo model beside ours.

The geo model gives each leaf a score between 0 and 1 for a place. Multiplied with what the network
sees and brought to a sum of 1 again, that is the combined score. A leaf whose geo score reaches its
threshold is expected nearby; of a node above, the highest score is held against the lowest
threshold of its leaves, so a node above one that is nearby is nearby, too.

Fieldmark trains no geo model. This is for whoever has iNaturalist's, and says what its clients do:

    features = geo_features(47.5, 8.7, elevation_m=440.0)          # float32 [5]
    scores = combined_scores(vision_scores, geo_scores)            # float64 [B, N]
    geo = Geo(geo_scores, thresholds)                              # for RollUp.common_ancestors

Source: inaturalist/vision-camera-plugin-inatvision, GeoClassifier.java; inaturalist/inatVisionAPI,
tf_gp_elev_model.py, inat_inferrer.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from os import PathLike

import numpy as np
import numpy.typing as npt

from schemas.csv_rows import Problems, parse_integer, read_header, read_rows, require_columns
from schemas.errors import FieldmarkError
from schemas.taxonomy import Taxonomy

Floats = npt.NDArray[np.float64]

HIGHEST_ELEVATION_M = {"phone": 5705.63, "server": 6574.0}
"""What elevations above the sea are divided by. The two clients differ: a phone's scores are not
the server's to the last digit."""

LOWEST_ELEVATION_M = 32768.0
"""What elevations below the sea are divided by, on both."""

THRESHOLD_COLUMNS = ("taxon_id", "thres")


@dataclass(frozen=True, eq=False)
class Geo:
    """What is known of N leaves at the places of B photos.

    Attributes:
        scores: float [B, N], 0..1.
        thresholds: float [N], NaN for a leaf that has none: it is never expected nearby.
    """

    scores: npt.NDArray[np.floating]
    thresholds: npt.NDArray[np.floating]

    def taken(self, classes: npt.NDArray[np.integer]) -> tuple[Floats, Floats]:
        """Returns (scores, thresholds), float64 [B, k], of the given leaves of each photo."""
        scores = np.take_along_axis(np.asarray(self.scores, np.float64), classes, axis=1)
        return scores, np.asarray(self.thresholds, np.float64)[classes]


def geo_features(
    latitude: float, longitude: float, *, elevation_m: float, client: str = "phone"
) -> npt.NDArray[np.float32]:
    """Returns float32 [5], what the geo model takes for a place.

    Args:
        latitude: degrees north, -90..90.
        longitude: degrees east, -180..180.
        elevation_m: metres above the sea.
        client: "phone" or "server", see `HIGHEST_ELEVATION_M`.

    Raises:
        FieldmarkError: if the place is not on Earth.
    """
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise FieldmarkError(
            "A place is -90..90 degrees north and -180..180 degrees east. Received: "
            f"{latitude}, {longitude}. Give latitude first."
        )
    east, north = math.pi * longitude / 180, math.pi * latitude / 90
    scale = HIGHEST_ELEVATION_M[client] if elevation_m > 0 else LOWEST_ELEVATION_M
    features = [math.sin(east), math.sin(north), math.cos(east), math.cos(north)]
    return np.array([*features, elevation_m / scale], np.float32)


def combined_scores(vision: npt.NDArray[np.floating], geo: npt.NDArray[np.floating]) -> Floats:
    """Returns float64 [B, N]: vision times geo, each row summing to 1, or 0 where all are 0.

    Args:
        vision: float [B, N], 0..1.
        geo: float [B, N] or [N], 0..1.
    """
    product = np.asarray(vision, np.float64) * np.asarray(geo, np.float64)
    total = product.sum(axis=1, keepdims=True)
    return np.divide(product, total, out=np.zeros_like(product), where=total > 0)


def read_geo_thresholds(path: str | PathLike[str], taxonomy: Taxonomy) -> Floats:
    """Returns float64 [N], the geo threshold of each leaf; NaN where the table has none.

    Args:
        path: iNaturalist's table of thresholds, columns `taxon_id` and `thres` among others.
        taxonomy: N leaves; rows of other taxa are left out.

    Raises:
        DataError: naming the rows whose id or threshold cannot be used.
    """
    require_columns(path, read_header(path), THRESHOLD_COLUMNS)
    problems = Problems(path)
    thresholds = np.full(taxonomy.num_leaves, np.nan)
    for number, cells in read_rows(path, problems):
        try:
            threshold = float(cells["thres"])
        except ValueError:
            threshold = math.nan
        taxon_id = parse_integer(cells["taxon_id"])
        if taxon_id is None or math.isnan(threshold):
            problems.add(
                number,
                None,
                "taxon_id must be a whole number and thres a number. Received: "
                f"{cells['taxon_id']!r}, {cells['thres']!r}.",
            )
        elif not 0 <= threshold <= 1:
            problems.add(number, "thres", f"must be 0..1. Received: {threshold:g}.")
        elif (leaf := taxonomy.leaf_of_taxon.get(taxon_id)) is not None:
            thresholds[leaf] = threshold
    problems.raise_if_any("Give the table that belongs to the geo model.")
    return thresholds
