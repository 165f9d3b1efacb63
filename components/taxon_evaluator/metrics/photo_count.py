"""How many photos a slice has."""

from __future__ import annotations

from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from components.taxon_evaluator.metrics.photo_sums import PHOTOS, derived


class PhotoCount(metric_types.Metric):
    """Photos of a slice, from the sums that are there anyway.

    Args:
        name: of the metric; TFMA's own for it by default.
        code_version: hash of this package; it is in TFX's cache key with the config.
    """

    def __init__(self, name: str = "example_count", code_version: str = "") -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_computations),
            name=name,
            code_version=code_version,
        )


metric_types.register_metric(PhotoCount)


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
        lambda sums: float(sums[PHOTOS]),
        name=name,
        model_name=model_name,
        output_name=output_name,
        example_weighted=example_weighted,
    )
