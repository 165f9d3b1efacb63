"""Mean of -ln(score of the true leaf)."""

from __future__ import annotations

from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from components.taxon_evaluator.metrics.photo_sums import LOSS, PHOTOS, derived
from components.taxon_evaluator.tables.keyed_sums import ONE


class LogLoss(metric_types.Metric):
    """Mean of -ln(score of the true leaf).

    Args:
        name: of the metric.
        code_version: hash of this package; it is in TFX's cache key with the config.
    """

    def __init__(self, name: str = "log_loss", code_version: str = "") -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_computations),
            name=name,
            code_version=code_version,
        )


metric_types.register_metric(LogLoss)


def _computations(
    name: str,
    code_version: str,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    del code_version, eval_config
    return derived(
        lambda sums: float(sums[LOSS] / ONE / sums[PHOTOS]),
        name=name,
        model_name=model_name,
        output_name=output_name,
        example_weighted=example_weighted,
    )
