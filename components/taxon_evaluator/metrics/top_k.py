"""Share of photos whose true leaf is among the k best."""

from __future__ import annotations

from tensorflow_model_analysis.metrics import metric_types

from components.taxon_evaluator.metrics.photo_sums import MAX_K, PHOTOS, derived_from_sums
from schemas.errors import ConfigError


class TopKAccuracy(metric_types.Metric):
    """Share of photos whose true leaf is among the k best.

    Args:
        k: how many leaves count, 1..MAX_K.
        name: of the metric; "top<k>_accuracy" by default.
        code_version: hash of this package; it is in TFX's cache key with the config.
    """

    def __init__(self, k: int = 1, name: str | None = None, code_version: str = "") -> None:
        if not 1 <= k <= MAX_K:
            raise ConfigError(
                f"TopKAccuracy: k is not allowed. Allowed: 1 to {MAX_K}. Received: {k}."
            )
        super().__init__(
            derived_from_sums(lambda sums, k: float(sums[1 : k + 1].sum() / sums[PHOTOS])),
            name=name or f"top{k}_accuracy",
            k=k,
            code_version=code_version,
        )


metric_types.register_metric(TopKAccuracy)
