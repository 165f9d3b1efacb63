"""What TFMA found wanting, in words."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any


def tfma_failures(evaluation_dir: Path) -> list[str]:
    """Returns each threshold of an EvalConfig that was missed.

    Args:
        evaluation_dir: an Evaluator's `evaluation` artifact.
    """
    # TFX mends names that TFMA lacks, so it comes first.
    importlib.import_module("tfx.components")
    import tensorflow_model_analysis as tfma

    validation = tfma.load_validation_result(str(evaluation_dir))
    found = [
        _failure(failure)
        for of_slice in validation.metric_validations_per_slice
        for failure in of_slice.failures
    ]
    return found if found or validation.validation_ok else ["TFMA's validation failed"]


def _failure(failure: Any) -> str:
    name = failure.metric_key.name
    value = failure.metric_value.double_value.value
    threshold = failure.metric_threshold
    if failure.metric_key.is_diff:
        allowed = threshold.change_threshold.absolute.value
        return f"{name} changed by {value:+.4f} against the last blessed model, allowed {allowed:+}"
    return f"{name} is {value:.4f}, the bar {threshold.value_threshold.lower_bound.value}"
