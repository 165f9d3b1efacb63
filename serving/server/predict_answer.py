"""What `:predict` answers, in the shape of TF Serving.

Law: for an upright photo the values are those of the SavedModel's signature of that name, but for
the rounding of another decoder; a photo that could not be read has an `error`, class -1, taxon 0
and zeros.

    predict_answer(model, request, [Output(...), "owl.jpg: is empty."])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.rollup import top_leaves
from serving.server.errors import RequestError
from serving.server.json_pieces import json_pieces
from serving.server.loaded_model import LoadedModel, Output
from serving.server.predict_request import PredictRequest
from serving.server.served_signatures import DEFAULT_SIGNATURE, served_by
from serving.top_k import NO_CLASS, NO_TAXON, TOP_K

Columns = dict[str, list[Any]]


def check_signature(model: LoadedModel, signature: str) -> None:
    """Raises:
    RequestError: 400, if the model cannot answer it.
    """
    if signature not in served_by(model):
        raise RequestError(
            400,
            f'Serving signature name: "{signature}" not found in signature def. Allowed: '
            f"{', '.join(served_by(model))}; this model gives no features.",
        )


def predict_text(model: LoadedModel, request: PredictRequest, found: Sequence[Output | str]) -> str:
    """Returns the answer as JSON; see `predict_answer`."""
    return "".join(json_pieces(predict_answer(model, request, found)))


def predict_answer(
    model: LoadedModel, request: PredictRequest, found: Sequence[Output | str]
) -> dict[str, Any]:
    """Returns the JSON-able answer.

    Args:
        model: that answers; it can answer the signature.
        request: what was asked.
        found: of each photo: what the network gives, or why it could not be read.
    """
    columns = _columns(model, request.signature, found)
    columns["error"] = [item if isinstance(item, str) else "" for item in found]
    if not request.is_row:
        return {"outputs": columns}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return {"predictions": rows}


def _columns(model: LoadedModel, signature: str, found: Sequence[Output | str]) -> Columns:
    if signature == DEFAULT_SIGNATURE:
        return _best(model, found)
    if signature == "predict_scores":
        width = model.taxonomy.num_leaves
        return {"scores": _rows([_scores(item) for item in found], width)}
    features = [None if isinstance(item, str) else item.features for item in found]
    width = max((len(row) for row in features if row is not None), default=0)
    return {"features": _rows(features, width)}


def _best(model: LoadedModel, found: Sequence[Output | str]) -> Columns:
    k = min(TOP_K, model.taxonomy.num_leaves)
    columns: Columns = {"classes": [], "scores": [], "taxon_ids": []}
    for item in found:
        if isinstance(item, str):
            values: tuple[Any, ...] = ([NO_CLASS] * k, [0.0] * k, [NO_TAXON] * k)
        else:
            classes, scores = (part[0] for part in top_leaves(item.scores[None], k))
            taxa = model.taxonomy.leaf_taxon_ids[classes]
            values = (classes.tolist(), scores.tolist(), taxa.tolist())
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value)
    return columns


def _scores(item: Output | str) -> npt.NDArray[np.float32] | None:
    return None if isinstance(item, str) else item.scores


def _rows(rows: Sequence[npt.NDArray[np.float32] | None], width: int) -> list[list[float]]:
    return [[0.0] * width if row is None else row.tolist() for row in rows]
