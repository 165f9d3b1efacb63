from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tfx.components  # noqa: F401  (mends TFMA's names, and must come before it)
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_model_analysis.metrics import metric_types
from tfx.types import Channel
from tfx.types.standard_artifacts import Examples, Model
from tiny_evaluation import LABELS, evaluate, export_constant

from components.artifacts import PhotoIndex, Taxonomy
from components.taxon_evaluator.component import TaxonEvaluator
from components.taxon_evaluator.config import EvaluationSettings
from components.taxon_evaluator.eval_config import (
    BASELINE,
    CANDIDATE,
    METRICS_MODULE,
    TOP1,
    bars_of,
    build_eval_config,
)
from components.taxon_evaluator.executor import settings_of
from components.taxon_evaluator.metrics import (
    LABEL_RANK,
    LABEL_SCORE,
    LogLoss,
    PhotoCount,
    TopKAccuracy,
)
from schemas.errors import ConfigError


def combiner(metric: metric_types.Metric) -> Any:
    computations = metric.computations(model_names=[CANDIDATE])
    return next(c.combiner for c in computations if isinstance(c, metric_types.MetricComputation))


def photo(rank: int, score: float) -> metric_types.StandardMetricInputs:
    predictions = {CANDIDATE: {LABEL_RANK: np.array([rank]), LABEL_SCORE: np.array([score])}}
    return metric_types.StandardMetricInputs(prediction=predictions)


def value(metric: metric_types.Metric, parts: list[list[tuple[int, float]]]) -> float:
    """The metric over photos that came in several parts, as Beam workers would see them."""
    combine = combiner(metric)
    accumulators = []
    for part in parts:
        accumulator = combine.create_accumulator()
        for rank, score in part:
            accumulator = combine.add_input(accumulator, photo(rank, score))
        accumulators.append(accumulator)
    metrics = combine.extract_output(combine.merge_accumulators(accumulators))
    (derive,) = [
        computation.result
        for computation in metric.computations(model_names=[CANDIDATE])
        if isinstance(computation, metric_types.DerivedMetricComputation)
    ]
    (result,) = derive(metrics).values()
    return result


PHOTOS = st.tuples(st.integers(1, 20), st.floats(0, 1))


@given(parts=st.lists(st.lists(PHOTOS, max_size=6), min_size=1, max_size=5), k=st.integers(1, 10))
def test_metrics_do_not_depend_on_how_photos_are_parted(
    parts: list[list[tuple[int, float]]], k: int
) -> None:
    photos = [one for part in parts for one in part]
    hits = [rank <= k for rank, _ in photos]
    losses = [-math.log(max(score, 1e-7)) for _, score in photos]

    accuracy = value(TopKAccuracy(k=k), parts)
    loss = value(LogLoss(), parts[::-1])

    if not photos:
        assert math.isnan(accuracy)
        assert math.isnan(loss)
        return
    assert accuracy == pytest.approx(sum(hits) / len(photos))
    assert loss == pytest.approx(sum(losses) / len(photos), abs=1e-6)
    assert loss == value(LogLoss(), [photos])  # to the last bit


def test_metric_is_named_as_the_config_asks() -> None:
    assert TopKAccuracy(k=5).get_config()["name"] == "top5_accuracy"
    assert LogLoss(name="other").get_config()["name"] == "other"


def test_all_metrics_of_a_slice_share_one_accumulator() -> None:
    metrics = [TopKAccuracy(k=1), TopKAccuracy(k=10), LogLoss(), PhotoCount()]
    computations = {
        computation
        for metric in metrics
        for computation in metric.computations(model_names=[CANDIDATE])
        if isinstance(computation, metric_types.MetricComputation)
    }
    assert len(computations) == 1


def test_score_that_is_no_number_counts_as_none() -> None:
    assert value(LogLoss(), [[(7, math.nan)]]) == value(LogLoss(), [[(7, 0.0)]])


def test_more_leaves_than_are_counted_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"Allowed: 1 to 10. Received: 11"):
        TopKAccuracy(k=11)


@pytest.mark.parametrize("has_baseline", [False, True])
def test_bars_are_bound_to_the_overall_slice_only(has_baseline: bool) -> None:
    config = build_eval_config(
        EvaluationSettings(min_top1=0.4, max_top1_drop=0.02), has_baseline=has_baseline
    )

    (spec,) = config.metrics_specs
    assert not spec.thresholds
    assert not spec.per_slice_thresholds
    assert all(not metric.HasField("threshold") for metric in spec.metrics)
    barred = [metric for metric in spec.metrics if metric.per_slice_thresholds]
    assert [f'"{TOP1}"' in metric.config for metric in barred] == [True]
    (bars,) = barred[0].per_slice_thresholds
    assert [slicing.feature_keys[:] for slicing in bars.slicing_specs] == [[]]
    assert bars.threshold.value_threshold.lower_bound.value == pytest.approx(0.4)
    assert bars.threshold.HasField("change_threshold") == has_baseline


def test_baseline_adds_the_drop_allowed() -> None:
    config = build_eval_config(EvaluationSettings(max_top1_drop=0.02), has_baseline=True)

    assert [(spec.name, spec.is_baseline) for spec in config.model_specs] == [
        (CANDIDATE, False),
        (BASELINE, True),
    ]
    bars = next(
        m.per_slice_thresholds for m in config.metrics_specs[0].metrics if m.per_slice_thresholds
    )
    assert bars[0].threshold.change_threshold.absolute.value == pytest.approx(-0.02)


def test_change_of_the_metrics_changes_the_config_that_tfx_caches_by() -> None:
    config = build_eval_config(EvaluationSettings(), has_baseline=False)

    ours = [m for m in config.metrics_specs[0].metrics if m.module == METRICS_MODULE]
    assert len(ours) == 6
    assert all('"code_version": "' in metric.config for metric in ours)


@pytest.fixture(scope="module")
def says_varia(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_constant(tmp_path_factory.mktemp("varia") / "model", (0.3, 0.6, 0.1))


def test_figures_are_those_counted_by_hand_and_one_bad_taxon_blocks_nothing(
    says_varia: Path, tmp_path: Path
) -> None:
    verdict = evaluate(tmp_path, EvaluationSettings(min_top1=0.3), {CANDIDATE: says_varia})

    counts = Counter(LABELS)
    assert verdict.photos == len(LABELS)
    assert verdict.top1 == pytest.approx(counts[1] / len(LABELS))
    assert verdict.top5 == 1.0
    assert verdict.leaf_top1 == {101: 0.0, 102: 1.0, 103: 0.0}
    assert verdict.blessed
    assert verdict.words() == "blessed"
    assert verdict.compared == "with none: there is no blessed model yet, absolute bars only"
    assert verdict.figures() == (
        "10 photos: top-1 30.0%, top-5 100.0%; mean over 3 taxa 33.3%; 2 taxa never right"
    )


def test_both_missed_bars_are_said_in_words(says_varia: Path, tmp_path: Path) -> None:
    says_aluco = export_constant(tmp_path / "better", (0.6, 0.3, 0.1))

    verdict = evaluate(
        tmp_path,
        EvaluationSettings(min_top1=0.5, max_top1_drop=0.05),
        {CANDIDATE: says_varia, BASELINE: says_aluco},
    )

    assert not verdict.blessed
    assert verdict.top1 == pytest.approx(0.3)
    assert verdict.words().startswith("NOT blessed: ")
    assert verdict.failures[:2] == (
        "top1_accuracy is 0.3 over all photos, 0.2 below the bar of 0.5 (min_top1)",
        "top1_change is -0.3 over all photos, 0.25 below the bar of -0.05 (max_top1_drop)",
    )


def test_bars_of_tfma_are_read_from_its_config() -> None:
    settings = EvaluationSettings(min_top1=0.4, max_top1_drop=0.02)

    first = build_eval_config(settings, has_baseline=False)
    same = build_eval_config(settings, has_baseline=True)
    other = build_eval_config(settings, has_baseline=True, same_leaves=False)

    assert bars_of(first) == bars_of(other) == {"min_top1": 0.4}
    assert bars_of(same) == {"min_top1": 0.4, "max_top1_drop": 0.02}


def test_model_of_other_leaves_answers_without_labels_and_is_not_measured_by_tfma() -> None:
    config = build_eval_config(EvaluationSettings(), has_baseline=True, same_leaves=False)

    assert [spec.signature_name for spec in config.model_specs] == ["evaluate", "serve_topk"]
    assert list(config.metrics_specs[0].model_names) == [CANDIDATE]


@pytest.mark.parametrize("baseline", [False, True])
def test_step_takes_the_settings_that_it_was_made_with(baseline: bool) -> None:
    settings = EvaluationSettings(
        splits=("val", "test"), min_top1=0.4, max_top1_drop=0.02, alpha=0.01
    )
    step = TaxonEvaluator(
        *(Channel(type=kind) for kind in (Examples, Model, Taxonomy, PhotoIndex)),
        settings,
        baseline_model=Channel(type=Model) if baseline else None,
    )

    taken = settings_of(step.exec_properties)

    assert taken.model_dump(exclude={"splits"}) == settings.model_dump(exclude={"splits"})
