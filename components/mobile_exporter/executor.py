"""Builds the bundle from the artifacts; the work is `serving.mobile_bundle`'s."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.mobile_exporter.config import MobileExportSettings
from components.mobile_exporter.lineage import lineage_of
from schemas import record
from schemas.events import emit
from schemas.taxonomy_csv import read_taxonomy
from serving.mobile_bundle import build_bundle, load_bundle


class Executor(BaseExecutor):
    """See `component.MobileExporter`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = MobileExportSettings.model_validate_json(exec_properties["settings"])
        saved_model = path_utils.serving_model_path(
            artifact_utils.get_single_uri(input_dict["model"])
        )
        taxonomy_uri = artifact_utils.get_single_uri(input_dict["taxonomy"])
        output = artifact_utils.get_single_instance(output_dict["bundle"])
        directory = path_utils.serving_model_path(output.uri)
        build_bundle(
            saved_model,
            directory,
            taxonomy=read_taxonomy(Path(taxonomy_uri) / record.TAXONOMY_FILE),
            variants=settings.variants,
            default_variant=settings.default_variant,
            lineage=lineage_of(saved_model),
        )
        _describe(output, directory)


def _describe(output: Artifact, directory: str) -> None:
    manifest = load_bundle(directory).manifest
    output.set_string_custom_property("model_id", manifest["model_id"])
    for variant, file in manifest["variants"].items():
        output.set_int_custom_property(f"{variant}_bytes", file["bytes"])
        emit("note", text=f"{variant}: {file['bytes'] / 1e6:,.2f} MB")
