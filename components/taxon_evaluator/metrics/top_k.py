"""Share of photos whose true leaf is among the k best."""

from __future__ import annotations

from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from components.taxon_evaluator.metrics.photo_sums import MAX_K, PHOTOS, derived
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
            metric_util.merge_per_key_computations(_computations),
            name=name or f"top{k}_accuracy",
            k=k,
            code_version=code_version,
        )


metric_types.register_metric(TopKAccuracy)


def _computations(
    name: str,
    k: int,
    code_version: str,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    del code_version, eval_config
    return derived(
        lambda sums: float(sums[1 : k + 1].sum() / sums[PHOTOS]),
        name=name,
        model_name=model_name,
        output_name=output_name,
        example_weighted=example_weighted,
    )
