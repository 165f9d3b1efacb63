"""Builds the bundle from the artifacts; the work is `serving.mobile_bundle`'s."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.mobile_exporter.config import MobileExportSettings
from components.mobile_exporter.creators import creators_of
from components.mobile_exporter.lineage import lineage_of
from components.mobile_exporter.representatives import representative_pixels
from components.mobile_exporter.training_credits import training_of
from components.named_files import contents_now
from components.record_files import record_files
from schemas import record
from schemas.events import emit
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy
from serving.bundle_manifest import Training
from serving.geo_scores import read_geo_thresholds
from serving.mobile_bundle import BundleRequest, build_bundle, load_bundle
from serving.saved_model import load_manifest

UNNAMED = "model"
"""Name of a model whose pipeline left no name in it."""

Inputs = dict[str, list[Artifact]]


class Executor(BaseExecutor):
    """See `component.MobileExporter`."""

    def Do(
        self,
        input_dict: Inputs,
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = MobileExportSettings.model_validate_json(exec_properties["settings"])
        contents_now(settings.named_files, expected=exec_properties["named_files"])
        saved_model = path_utils.serving_model_path(
            artifact_utils.get_single_uri(input_dict["model"])
        )
        taxonomy_uri = artifact_utils.get_single_uri(input_dict["taxonomy"])
        taxonomy = read_taxonomy(Path(taxonomy_uri) / record.TAXONOMY_FILE)
        output = artifact_utils.get_single_instance(output_dict["bundle"])
        directory = path_utils.serving_model_path(output.uri)
        lineage = lineage_of(saved_model)
        training, credits = _training(input_dict, settings)
        request = BundleRequest(
            model=settings.model_name or lineage.get("pipeline", UNNAMED),
            variants=settings.variants,
            version=settings.version,
            representative=_representative(input_dict, settings, saved_model),
            training=training,
            credits=credits,
            synonyms=settings.synonyms,
            geo_thresholds=_geo_thresholds(settings, taxonomy),
            lineage=lineage,
        )
        build_bundle(saved_model, directory, taxonomy=taxonomy, request=request)
        _describe(output, directory)


def _representative(
    inputs: Inputs, settings: MobileExportSettings, saved_model: str
) -> npt.NDArray[np.float32] | None:
    if "full_int8" not in settings.variants:
        return None
    examples = artifact_utils.get_single_instance(inputs["examples"])
    return representative_pixels(
        record_files(
            examples, settings.representative_split, setting="mobile_export.representative_split"
        ),
        size_px=load_manifest(saved_model)["image_size_px"],
        photos=settings.representative_photos,
        seed=settings.representative_seed,
    )


def _training(inputs: Inputs, settings: MobileExportSettings) -> tuple[Training, bytes | None]:
    index = inputs.get("photo_index")
    if not index:
        return Training(credits=settings.credits), None
    directory = Path(artifact_utils.get_single_uri(index))
    found = creators_of(directory)
    content, note = found.packed(settings.max_credits_megabytes)
    if note is not None:
        emit("note", text=note)
    creators = found.creators if content is not None else None
    return training_of(directory, credits=settings.credits, creators=creators), content


def _geo_thresholds(
    settings: MobileExportSettings, taxonomy: Taxonomy
) -> npt.NDArray[np.float64] | None:
    if settings.geo_thresholds is None:
        return None
    return read_geo_thresholds(settings.geo_thresholds, taxonomy)


def _describe(output: Artifact, directory: str) -> None:
    details = load_bundle(directory).details
    output.set_string_custom_property("model_id", details.model_id)
    for variant, entry in details.variants.items():
        output.set_int_custom_property(f"{variant}_bytes", entry.bytes)
        emit("note", text=f"{variant}: {entry.bytes / 1e6:,.2f} MB")
