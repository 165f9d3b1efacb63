"""Mean of -ln(score of the true leaf)."""

from __future__ import annotations

from tensorflow_model_analysis.metrics import metric_types

from components.taxon_evaluator.metrics.photo_sums import LOSS, PHOTOS, derived_from_sums
from components.taxon_evaluator.tables.keyed_sums import ONE


class LogLoss(metric_types.Metric):
    """Mean of -ln(score of the true leaf).

    Args:
        name: of the metric.
        code_version: hash of this package; it is in TFX's cache key with the config.
    """

    def __init__(self, name: str = "log_loss", code_version: str = "") -> None:
        super().__init__(
            derived_from_sums(lambda sums: float(sums[LOSS] / ONE / sums[PHOTOS])),
            name=name,
            code_version=code_version,
        )


metric_types.register_metric(LogLoss)
