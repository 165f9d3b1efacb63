"""What TFMA counts of the photos of a slice, once for all metrics: one small array of integers.

The `evaluate` signature of our models (serving.signatures) gives for each photo the rank and the
score of the true leaf. A metric of ours is derived from the sums of these, so that a slice costs
one accumulator, however many metrics are asked for.

Law: sums of integers: the same to the last bit, however photos are parted and merged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
from tensorflow_model_analysis.metrics import metric_types, metric_util

from components.taxon_evaluator.tables.keyed_sums import ONE
from components.taxon_evaluator.tables.photo_figures import SMALLEST_SCORE

LABEL_RANK = "label_rank"
LABEL_SCORE = "label_score"

MAX_K = 10
"""Ranks up to this one are counted singly."""

Sums = npt.NDArray[np.int64]
"""int64 [MAX_K + 2]: photos; photos whose truth has rank 1, ..., MAX_K; summed loss x ONE."""

PHOTOS, LOSS = 0, MAX_K + 1

SHARED = "_photo_sums"
"""Name of the sums among TFMA's metrics; with its underscore TFMA keeps it to itself."""


class SumPhotos(beam.CombineFn):
    """Sums over the photos of a slice.

    Args:
        key: under which the sums are given.
    """

    def __init__(self, key: metric_types.MetricKey) -> None:
        self._key = key

    def create_accumulator(self) -> Sums:
        """Returns the sums of no photo."""
        return np.zeros(MAX_K + 2, np.int64)

    def add_input(self, accumulator: Sums, element: metric_types.StandardMetricInputs) -> Sums:
        """Returns the sums with one photo more."""
        predictions = element.get_predictions(self._key.model_name)
        rank = int(_scalar(predictions[LABEL_RANK]))
        # A score that is not a number is as bad as one of 0.
        score = float(_scalar(predictions[LABEL_SCORE]))
        loss = -math.log(score if score > SMALLEST_SCORE else SMALLEST_SCORE)
        accumulator[PHOTOS] += 1
        accumulator[LOSS] += round(loss * ONE)
        if rank <= MAX_K:
            accumulator[rank] += 1
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Sums]) -> Sums:
        """Returns the sums of sums."""
        total = self.create_accumulator()
        for accumulator in accumulators:
            total += accumulator
        return total

    def extract_output(self, accumulator: Sums) -> dict[metric_types.MetricKey, Sums]:
        """Returns the sums by key."""
        return {self._key: accumulator}


def derived_from_sums(
    value: Callable[..., float],
) -> Callable[..., metric_types.MetricComputations]:
    """Returns what TFMA asks of a metric that is a function of the sums.

    Args:
        value: the metric, for the sums of at least one photo and, by name, the options that the
            metric was made with (`code_version` aside); NaN is given for no photo.
    """

    def computations(
        name: str,
        code_version: str,
        model_name: str = "",
        output_name: str = "",
        example_weighted: bool = False,
        **options: Any,
    ) -> metric_types.MetricComputations:
        del code_version

        def key(name: str) -> metric_types.MetricKey:
            return metric_types.MetricKey(
                name=name,
                model_name=model_name,
                output_name=output_name,
                example_weighted=example_weighted,
            )

        def result(
            metrics: dict[metric_types.MetricKey, Any],
        ) -> dict[metric_types.MetricKey, float]:
            sums = metrics[key(SHARED)]
            return {key(name): value(sums, **options) if sums[PHOTOS] else float("nan")}

        shared = metric_types.MetricComputation(
            keys=[key(SHARED)], preprocessors=None, combiner=SumPhotos(key(SHARED))
        )
        return [shared, metric_types.DerivedMetricComputation(keys=[key(name)], result=result)]

    return metric_util.merge_per_key_computations(computations)


def _scalar(value: Any) -> Any:
    return value.flat[0] if isinstance(value, np.ndarray) else value
