"""MobileValidator: the phone's answers against the server's."""

from __future__ import annotations

from typing import Any, ClassVar

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import BaseChannel, Channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import MobileReport
from components.mobile_validator.config import MobileValidationSettings
from components.mobile_validator.executor import Executor
from schemas.source_hash import source_hash

CODE = (
    "components.export_example_gen.photo_bytes",
    "components.mobile_validator",
    "components.progressive_trainer.temperatures",
    "components.record_files",
    "components.taxon_evaluator.paired",
    "components.taxon_evaluator.tables.keyed_sums",
    "serving",
    "schemas.record",
    "schemas.synonyms",
    "schemas.taxonomy_csv",
)
"""What decides whether a bundle is blessed."""


class MobileValidatorSpec(ComponentSpec):
    """Interface of MobileValidator."""

    PARAMETERS: ClassVar[dict[str, Any]] = {
        "settings": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, Any]] = {
        "bundle": ChannelParameter(type=standard_artifacts.Model),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "originals": ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS: ClassVar[dict[str, Any]] = {
        "blessing": ChannelParameter(type=standard_artifacts.InfraBlessing),
        "report": ChannelParameter(type=MobileReport),
        "finished_bundle": ChannelParameter(type=standard_artifacts.Model),
    }


class MobileValidator(BaseComponent):
    """Holds every variant of a bundle against its SavedModel, on photos of the export.

    A variant that disagrees too often, loses too much accuracy, is too large or too slow is left
    out; the smallest of the others becomes the default. Without any, or where the apps could not
    read the bundle, it is not blessed, and the report says which bar was missed and by how much.

    Inputs:
        bundle: standard_artifacts.Model of a MobileExporter.
        model: standard_artifacts.Model, the SavedModel that the bundle was made from.
        examples: standard_artifacts.Examples, transformed records (image, label).
        originals: standard_artifacts.Examples, the raw records that they were made from, which
            other clients' preprocessing is measured on.

    Outputs:
        blessing: standard_artifacts.InfraBlessing, for a Pusher's `infra_blessing`.
        report: components.artifacts.MobileReport, with `mobile_report.json`.
        finished_bundle: standard_artifacts.Model, what a Pusher pushes: the bundle with its figures
            in manifest and model card, without the variants that failed, and its zip, under
            `Format-Serving`. Its custom property is `model_id`.
    """

    SPEC_CLASS = MobileValidatorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        bundle: BaseChannel,
        model: BaseChannel,
        examples: BaseChannel,
        originals: BaseChannel,
        settings: MobileValidationSettings,
    ) -> None:
        super().__init__(
            spec=MobileValidatorSpec(
                bundle=bundle,
                model=model,
                examples=examples,
                originals=originals,
                settings=settings.model_dump_json(),
                code_version=source_hash(*CODE),
                blessing=Channel(type=standard_artifacts.InfraBlessing),
                report=Channel(type=MobileReport),
                finished_bundle=Channel(type=standard_artifacts.Model),
            )
        )
