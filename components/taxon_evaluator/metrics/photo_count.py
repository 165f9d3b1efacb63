"""How many photos a slice has."""

from __future__ import annotations

from tensorflow_model_analysis.metrics import metric_types

from components.taxon_evaluator.metrics.photo_sums import PHOTOS, derived_from_sums


class PhotoCount(metric_types.Metric):
    """Photos of a slice, from the sums that are there anyway.

    Args:
        name: of the metric; TFMA's own for it by default.
        code_version: hash of this package; it is in TFX's cache key with the config.
    """

    def __init__(self, name: str = "example_count", code_version: str = "") -> None:
        super().__init__(
            derived_from_sums(lambda sums: float(sums[PHOTOS])),
            name=name,
            code_version=code_version,
        )


metric_types.register_metric(PhotoCount)
