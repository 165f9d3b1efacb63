"""The signatures that answer over HTTP, and how `/metadata` describes them.

They are those of `serving.signatures` that take encoded photos and suit a stranger; a bundle has
the first two. The graph is not run for them: photos are decoded outside, upright as their EXIF
says and within the limits, and the answer is made from the network's output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serving.server.loaded_model import LoadedModel
from serving.top_k import TOP_K

DEFAULT_SIGNATURE = "serving_default"
SERVED_SIGNATURES = (DEFAULT_SIGNATURE, "predict_scores", "embed")
INPUT = "image"

Shape = Sequence[int]
"""-1 for the batch, and where it is not known."""


def outputs_of(model: LoadedModel, signature: str) -> Mapping[str, tuple[str, Shape]]:
    """Returns dtype and shape of each output of a signature, by name."""
    leaves = model.taxonomy.num_leaves
    best = [-1, min(TOP_K, leaves)]
    error = {"error": ("DT_STRING", [-1])}
    if signature == DEFAULT_SIGNATURE:
        return {
            "classes": ("DT_INT64", best),
            "scores": ("DT_FLOAT", best),
            "taxon_ids": ("DT_INT64", best),
            **error,
        }
    if signature == "predict_scores":
        return {"scores": ("DT_FLOAT", [-1, leaves]), **error}
    return {"features": ("DT_FLOAT", [-1, -1]), **error}


def served_by(model: LoadedModel) -> tuple[str, ...]:
    """Returns the signatures that a model can answer."""
    return SERVED_SIGNATURES if model.gives_features else SERVED_SIGNATURES[:2]


def metadata(name: str, model: LoadedModel) -> dict[str, Any]:
    """Returns what `GET /v1/models/NAME/metadata` answers, in the shape of TF Serving."""
    signatures = {signature: _signature(model, signature) for signature in served_by(model)}
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(model.version)},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def _signature(model: LoadedModel, signature: str) -> dict[str, Any]:
    outputs = outputs_of(model, signature)
    return {
        "inputs": {INPUT: _tensor("DT_STRING", [-1])},
        "outputs": {name: _tensor(dtype, shape) for name, (dtype, shape) in outputs.items()},
        "method_name": "tensorflow/serving/predict",
    }


def _tensor(dtype: str, shape: Shape) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in shape]
    return {
        "dtype": dtype,
        "tensor_shape": {"dim": dimensions, "unknown_rank": False},
        "name": "",
    }
