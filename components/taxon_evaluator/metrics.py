"""TFMA metrics that need only the rank and the score of the true leaf.

The `evaluate` signature of our models (serving.signatures) gives for each photo the top leaves,
their scores, and the truth's rank and score: a few dozen bytes where the dense scores of 80,000
leaves are 320 kB. Each metric is a sum and a count, so its accumulators merge in any order on any
Beam runner, and 80,000 slices cost about as much as the photos in them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

LABEL_RANK = "label_rank"
LABEL_SCORE = "label_score"

SMALLEST_SCORE = 1e-7
"""Log loss counts a score of 0 as this, as Keras does: one photo cannot make it infinite."""

Accumulator = tuple[float, int]


class MeanOfPhotos(beam.CombineFn):
    """The mean over photos of a value computed from one photo's predictions.

    Args:
        key: of the metric.
        value: predictions by output name -> a number.
    """

    def __init__(
        self, key: metric_types.MetricKey, value: Callable[[dict[str, Any]], float]
    ) -> None:
        self._key, self._value = key, value

    def create_accumulator(self) -> Accumulator:
        """Returns (sum, count) of no photo."""
        return 0.0, 0

    def add_input(
        self, accumulator: Accumulator, element: metric_types.StandardMetricInputs
    ) -> Accumulator:
        """Returns the accumulator with one photo more."""
        predictions = element.get_predictions(self._key.model_name)
        return accumulator[0] + self._value(predictions), accumulator[1] + 1

    def merge_accumulators(self, accumulators: Iterable[Accumulator]) -> Accumulator:
        """Returns the sums of sums and counts."""
        pairs = list(accumulators)
        return math.fsum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)

    def extract_output(self, accumulator: Accumulator) -> dict[metric_types.MetricKey, float]:
        """Returns the mean by key; NaN over no photo."""
        total, count = accumulator
        return {self._key: total / count if count else float("nan")}


def _scalar(predictions: dict[str, Any], name: str) -> float:
    return float(np.asarray(predictions[name]).reshape(-1)[0])


class TopKAccuracy(metric_types.Metric):
    """Share of photos whose true leaf is among the k best.

    Args:
        k: how many leaves count.
        name: of the metric; "top<k>_accuracy" by default.
        code_version: hash of this module; it is in TFX's cache key with the config.
    """

    def __init__(self, k: int = 1, name: str | None = None, code_version: str = "") -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_top_k),
            name=name or f"top{k}_accuracy",
            k=k,
            code_version=code_version,
        )


class LogLoss(metric_types.Metric):
    """Mean of -ln(score of the true leaf).

    Args:
        name: of the metric.
        code_version: as for TopKAccuracy.
    """

    def __init__(self, name: str = "log_loss", code_version: str = "") -> None:
        super().__init__(
            metric_util.merge_per_key_computations(_log_loss),
            name=name,
            code_version=code_version,
        )


metric_types.register_metric(TopKAccuracy)
metric_types.register_metric(LogLoss)


def _top_k(
    name: str,
    k: int,
    code_version: str,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    del code_version, eval_config
    return _mean(
        name,
        lambda predictions: float(_scalar(predictions, LABEL_RANK) <= k),
        model_name,
        output_name,
        example_weighted,
    )


def _log_loss(
    name: str,
    code_version: str,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    del code_version, eval_config
    return _mean(
        name,
        lambda predictions: -math.log(max(_scalar(predictions, LABEL_SCORE), SMALLEST_SCORE)),
        model_name,
        output_name,
        example_weighted,
    )


def _mean(
    name: str,
    value: Callable[[dict[str, Any]], float],
    model_name: str,
    output_name: str,
    example_weighted: bool,
) -> metric_types.MetricComputations:
    key = metric_types.MetricKey(
        name=name,
        model_name=model_name,
        output_name=output_name,
        example_weighted=example_weighted,
    )
    return [
        metric_types.MetricComputation(
            keys=[key], preprocessors=None, combiner=MeanOfPhotos(key, value)
        )
    ]
