"""MobileExporter: the model in the forms that a phone takes."""

from __future__ import annotations

from typing import Any, ClassVar

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import BaseChannel, Channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import PhotoIndex, Taxonomy
from components.mobile_exporter.config import MobileExportSettings
from components.mobile_exporter.executor import Executor
from schemas.source_hash import source_hash

CODE = (Executor.__module__,)
"""What decides what is in a bundle."""


class MobileExporterSpec(ComponentSpec):
    """Interface of MobileExporter."""

    PARAMETERS: ClassVar[dict[str, Any]] = {
        "settings": ExecutionParameter(type=str),
        "named_files": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, Any]] = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "taxonomy": ChannelParameter(type=Taxonomy),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "photo_index": ChannelParameter(type=PhotoIndex),
    }
    OUTPUTS: ClassVar[dict[str, Any]] = {"bundle": ChannelParameter(type=standard_artifacts.Model)}


class MobileExporter(BaseComponent):
    """Converts a model to TFLite and packs it with what an app needs beside it.

    Inputs:
        model: standard_artifacts.Model, a SavedModel of `serving.saved_model` under
            `Format-Serving`.
        taxonomy: components.artifacts.Taxonomy, the one that the model was trained with.
        examples: standard_artifacts.Examples, transformed records, which full_int8 is quantised by.
        photo_index: components.artifacts.PhotoIndex, for what the model card says of the training
            photos, and whom they are credited to.

    Outputs:
        bundle: standard_artifacts.Model, a bundle of `serving.mobile_bundle`, without figures yet,
            under `Format-Serving`. Its custom properties are `model_id` and, for each variant,
            `<variant>_bytes`.

    Args:
        settings: what is put in.
        named_files: `components.named_files.contents` of the files that the settings name.
    """

    SPEC_CLASS = MobileExporterSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: BaseChannel,
        taxonomy: BaseChannel,
        examples: BaseChannel,
        photo_index: BaseChannel,
        settings: MobileExportSettings,
        *,
        named_files: str,
    ) -> None:
        super().__init__(
            spec=MobileExporterSpec(
                model=model,
                taxonomy=taxonomy,
                examples=examples,
                photo_index=photo_index,
                settings=settings.model_dump_json(),
                named_files=named_files,
                code_version=source_hash(*CODE),
                bundle=Channel(type=standard_artifacts.Model),
            )
        )
