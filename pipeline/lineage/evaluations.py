"""The evaluations of a pipeline's models: where the tables lie, and what the model was trained on.

for evaluation in model_evaluations(graph, root):
    evaluation.tables, evaluation.training.export, evaluation.training.settings
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.taxon_evaluator.tables.table_files import METRICS_FILE, TABLES_DIRECTORY
from pipeline.lineage.graph import Graph
from pipeline.lineage.trained_models import EXAMPLES, MODEL, on_disk

EVALUATION = "ModelEvaluation"

_FINGERPRINT, _SETTINGS, _SPLITS = "export_fingerprint", "settings", "example_splits"
_MODEL_KEY = "model"


@dataclass(frozen=True)
class Training:
    """What a model was made of.

    Attributes:
        execution_id: in ML Metadata.
        export: fingerprint of the export; "" where the store does not say.
        settings: of the trainer; {} where the store does not say.
    """

    execution_id: int
    export: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class ModelEvaluation:
    """One evaluation.

    Attributes:
        tables: directory of its tables; it is there.
        splits: that the photos are of, of the same export, as JSON.
        training: of the model.
    """

    tables: Path
    splits: str
    training: Training


def model_evaluations(graph: Graph, root: Path) -> list[ModelEvaluation]:
    """Returns the evaluations with tables, oldest first.

    Args:
        graph: of the pipeline's store.
        root: the pipeline's directory, wherever it lies now.
    """
    found: dict[Path, ModelEvaluation] = {}
    for model_id, training in _trainings(graph):
        for execution_id in graph.readers(model_id, _MODEL_KEY):
            splits = _property(graph, execution_id, _SPLITS)
            for artifact in graph.written_by(execution_id):
                tables = on_disk(artifact.uri, root) / TABLES_DIRECTORY
                if artifact.type == EVALUATION and (tables / METRICS_FILE).is_file():
                    # Later writers only took it from the cache.
                    found.setdefault(tables, ModelEvaluation(tables, splits, training))
    return list(found.values())


def training_of(graph: Graph, execution_id: int) -> Training | None:
    """Returns the training that an execution was; None if it was none."""
    trainings = (training for _, training in _trainings(graph))
    return next((one for one in trainings if one.execution_id == execution_id), None)


def _trainings(graph: Graph) -> list[tuple[int, Training]]:
    """Artifact and training of each trained model."""
    trained = []
    for artifact in graph.of_type(MODEL):
        execution_id = graph.writers(artifact.id)[0]
        if any(read.type == EXAMPLES for read in graph.read_by(execution_id)):
            settings = json.loads(_property(graph, execution_id, _SETTINGS) or "{}")
            export = _export(graph, artifact.id, execution_id)
            trained.append((artifact.id, Training(execution_id, export, settings)))
    return sorted(trained, key=lambda pair: pair[1].execution_id)


def _export(graph: Graph, model_id: int, execution_id: int) -> str:
    writers = [graph.writers(a.id)[:1] for a in graph.upstream(model_id, EXAMPLES)]
    steps = [execution_id, *(step for first in writers for step in first)]
    return next(filter(None, (_property(graph, step, _FINGERPRINT) for step in steps)), "")


def _property(graph: Graph, execution_id: int, name: str) -> str:
    return str(graph.executions[execution_id].custom_properties[name].string_value)
