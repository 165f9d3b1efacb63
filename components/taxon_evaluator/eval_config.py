"""TFMA's EvalConfig: overall, every leaf taxon, every iconic taxon; and the bars for blessing.

Thresholds are bound to the overall slice. A threshold put on a metric as such holds for every
slice, and one bad taxon in thousands would block the model.
"""

from __future__ import annotations

import json

from tensorflow_model_analysis.proto import config_pb2

from components.taxon_evaluator.config import EvaluationSettings
from schemas import record
from schemas.source_hash import source_hash

METRICS_MODULE = "components.taxon_evaluator.metrics"
TOP1 = "top1_accuracy"
TOP_KS = (1, 3, 5, 10)
CANDIDATE = "candidate"
BASELINE = "baseline"
SIGNATURE = "evaluate"
OTHER_LEAVES_SIGNATURE = "serve_topk"
"""Asked of a baseline whose classes mean other taxa: it takes no label, and answers with taxa."""


def build_eval_config(
    settings: EvaluationSettings, *, has_baseline: bool, same_leaves: bool = True
) -> config_pb2.EvalConfig:
    """Returns what the Evaluator measures and asks.

    Args:
        settings: the bars.
        has_baseline: whether there is a last blessed model to compare with.
        same_leaves: whether its classes mean the same taxa. If not, TFMA has it answer, and
            measures and compares nothing of it: labels are classes of the candidate.
    """
    measured = [_model_spec(CANDIDATE, is_baseline=False)]
    models = list(measured)
    if has_baseline:
        models.append(_model_spec(BASELINE, is_baseline=True, same_leaves=same_leaves))
    has_comparable = has_baseline and same_leaves
    if has_comparable:
        measured = models
    metrics = [_metric("PhotoCount", name="example_count")]
    metrics += [_metric("TopKAccuracy", name=f"top{k}_accuracy", k=k) for k in TOP_KS]
    metrics += [_metric("LogLoss", name="log_loss")]
    for metric in metrics:
        if json.loads(metric.config or "{}").get("name") == TOP1:
            metric.per_slice_thresholds.append(_bars(settings, has_baseline=has_comparable))
    return config_pb2.EvalConfig(
        model_specs=models,
        metrics_specs=[
            config_pb2.MetricsSpec(metrics=metrics, model_names=[spec.name for spec in measured])
        ],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            config_pb2.SlicingSpec(feature_keys=[record.TAXON_ID]),
            config_pb2.SlicingSpec(feature_keys=[record.ICONIC_TAXON]),
        ],
    )


def bars_of(eval_config: config_pb2.EvalConfig) -> dict[str, float]:
    """Returns the settings that an EvalConfig of ours holds, by name: TFMA judges by them."""
    (threshold,) = [
        bars.threshold
        for metric in eval_config.metrics_specs[0].metrics
        for bars in metric.per_slice_thresholds
    ]
    bars = {"min_top1": threshold.value_threshold.lower_bound.value}
    if threshold.HasField("change_threshold"):
        bars["max_top1_drop"] = -threshold.change_threshold.absolute.value
    return bars


def _model_spec(name: str, *, is_baseline: bool, same_leaves: bool = True) -> config_pb2.ModelSpec:
    return config_pb2.ModelSpec(
        name=name,
        signature_name=SIGNATURE if same_leaves else OTHER_LEAVES_SIGNATURE,
        label_key=record.LABEL,
        is_baseline=is_baseline,
    )


def _metric(class_name: str, **config: object) -> config_pb2.MetricConfig:
    code_version = source_hash(METRICS_MODULE)
    return config_pb2.MetricConfig(
        class_name=class_name,
        module=METRICS_MODULE,
        config=json.dumps({**config, "code_version": code_version}, sort_keys=True),
    )


def _bars(
    settings: EvaluationSettings, *, has_baseline: bool
) -> config_pb2.PerSliceMetricThreshold:
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": settings.min_top1})
    )
    if has_baseline:
        threshold.change_threshold.CopyFrom(
            config_pb2.GenericChangeThreshold(
                direction=config_pb2.MetricDirection.HIGHER_IS_BETTER,
                absolute={"value": -settings.max_top1_drop},
            )
        )
    return config_pb2.PerSliceMetricThreshold(
        slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold
    )
