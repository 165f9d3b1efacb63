"""An evaluation's figures and verdict, in words."""

from __future__ import annotations

import importlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.taxon_evaluator.eval_config import CANDIDATE, TOP1
from schemas import record

EVAL_CONFIG_FILE = "eval_config.json"
"""Written by TFMA beside its results."""


@dataclass(frozen=True)
class Verdict:
    """What the Evaluator found.

    Attributes:
        photos: evaluated.
        top1: top-1 accuracy over all photos, 0..1.
        top5: top-5 accuracy, 0..1.
        leaf_top1: top-1 accuracy by leaf taxon id, 0..1.
        blessed: whether every bar was reached.
        failures: each bar missed, in words.
    """

    photos: int
    top1: float
    top5: float
    leaf_top1: dict[int, float]
    blessed: bool
    failures: tuple[str, ...]

    def figures(self) -> str:
        """Returns the figures as a line."""
        zero = sum(value == 0 for value in self.leaf_top1.values())
        mean = math.fsum(self.leaf_top1.values()) / len(self.leaf_top1)
        return (
            f"{self.photos:,} photos: top-1 {self.top1:.1%}, top-5 {self.top5:.1%}; mean over "
            f"{len(self.leaf_top1):,} taxa {mean:.1%}; {zero:,} taxa never right"
        )

    def words(self) -> str:
        """Returns the verdict as a line."""
        return "blessed" if self.blessed else f"NOT blessed: {'; '.join(self.failures)}"


def read_verdict(evaluation_dir: Path) -> Verdict:
    """Reads an Evaluator's `evaluation` artifact."""
    # TFX mends names that TFMA lacks, so it comes first.
    importlib.import_module("tfx.components")
    import tensorflow_model_analysis as tfma

    # TFMA drops the name of a model that is alone.
    result = tfma.load_eval_result(
        str(evaluation_dir), model_name=CANDIDATE if _has_baseline(evaluation_dir) else None
    )
    validation = tfma.load_validation_result(str(evaluation_dir))
    overall: dict[str, float] = {}
    leaf_top1: dict[int, float] = {}
    for slice_key, metrics in result.slicing_metrics:
        values = _values(metrics)
        if not slice_key:
            overall = values
        elif slice_key[0][0] == record.TAXON_ID:
            leaf_top1[int(slice_key[0][1])] = values[TOP1]
    return Verdict(
        photos=round(overall["example_count"]),
        top1=overall[TOP1],
        top5=overall["top5_accuracy"],
        leaf_top1=leaf_top1,
        blessed=validation.validation_ok,
        failures=tuple(_failures(validation)),
    )


def _has_baseline(evaluation_dir: Path) -> bool:
    written = json.loads((evaluation_dir / EVAL_CONFIG_FILE).read_text())
    return len(written["evalConfig"]["modelSpecs"]) > 1


def _values(metrics: Any) -> dict[str, float]:
    by_name = metrics[""][""]
    return {name: value["doubleValue"] for name, value in by_name.items() if "doubleValue" in value}


def _failures(validation: Any) -> list[str]:
    return [
        _failure(failure)
        for of_slice in validation.metric_validations_per_slice
        for failure in of_slice.failures
    ]


def _failure(failure: Any) -> str:
    name = failure.metric_key.name
    value = failure.metric_value.double_value.value
    threshold = failure.metric_threshold
    if failure.metric_key.is_diff:
        allowed = threshold.change_threshold.absolute.value
        return f"{name} changed by {value:+.4f} against the last blessed model, allowed {allowed:+}"
    return f"{name} is {value:.4f}, the bar {threshold.value_threshold.lower_bound.value}"
