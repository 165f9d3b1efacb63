"""ProgressiveTrainer: the schedule, stage after stage."""

from __future__ import annotations

import json

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import BaseChannel, Channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import Taxonomy, TrainingHistory
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.executor import Executor
from schemas.source_hash import source_hash


class ProgressiveTrainerSpec(ComponentSpec):
    """Interface of ProgressiveTrainer."""

    PARAMETERS = {
        "settings": ExecutionParameter(type=str),
        "manifest": ExecutionParameter(type=str),
        "export_fingerprint": ExecutionParameter(type=str),
        "checkpoint_root": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "taxonomy": ChannelParameter(type=Taxonomy),
        "base_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "history": ChannelParameter(type=TrainingHistory),
    }


class ProgressiveTrainer(BaseComponent):
    """Trains the network through the stages of its schedule.

    Inputs:
        examples: standard_artifacts.Examples, transformed records with splits train and val.
        taxonomy: components.artifacts.Taxonomy; its leaves are the classes.
        base_model: standard_artifacts.Model of a LastBlessedModel; optional. What
            `trainer.base_weights: last_blessed` starts from.

    Outputs:
        model: standard_artifacts.Model, a SavedModel under `Format-Serving` with the signatures
            of `serving.saved_model`.
        history: components.artifacts.TrainingHistory.

    Args:
        checkpoint_root: directory for checkpoints; each training has a folder of its own there,
            named by a hash of its photos, settings and code.
        manifest: JSON-able values written into the model; its `recipe` becomes that of the
            training (`components.training_recipe`).
        export_fingerprint: of the export that the photos come from.
    """

    SPEC_CLASS = ProgressiveTrainerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: BaseChannel,
        taxonomy: BaseChannel,
        settings: TrainerSettings,
        *,
        checkpoint_root: str,
        manifest: dict[str, object],
        export_fingerprint: str | RuntimeParameter,
        base_model: BaseChannel | None = None,
    ) -> None:
        super().__init__(
            spec=ProgressiveTrainerSpec(
                examples=examples,
                taxonomy=taxonomy,
                base_model=base_model,
                settings=settings.model_dump_json(),
                manifest=json.dumps(manifest, sort_keys=True),
                export_fingerprint=export_fingerprint,
                checkpoint_root=checkpoint_root,
                code_version=source_hash(*CODE),
                model=Channel(type=standard_artifacts.Model),
                history=Channel(type=TrainingHistory),
            )
        )


CODE = (
    "components.progressive_trainer",
    "components.last_blessed",
    "components.photo_decode",
    "components.record_files",
    "components.training_recipe",
    "schemas.synonyms",
    "schemas.taxonomy",
    "schemas.taxonomy_csv",
    "serving.photo_kinds",
    "serving.prepare_each",
    "serving.preprocess",
    "serving.saved_model",
    "serving.signatures",
    "serving.temperature",
)
"""What decides what is trained and how it is written."""
