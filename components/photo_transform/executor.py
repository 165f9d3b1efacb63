"""TFX's Transform executor, told where the leaf taxa lie and how to write."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

from tfx.components.transform import executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from components.photo_transform.stored_gzip import StoringProcessor
from schemas import record


class Executor(executor.Executor):
    """Adds `leaf_taxa_path` to the custom config that `preprocessing_fn` receives.

    The records are written as `stored_gzip` says.
    """

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        taxonomy_uri = artifact_utils.get_single_uri(input_dict["taxonomy"])
        config = json.loads(exec_properties["custom_config"])
        config["leaf_taxa_path"] = str(PurePosixPath(taxonomy_uri) / record.LEAF_TAXA_FILE)
        stock_inputs = {key: value for key, value in input_dict.items() if key != "taxonomy"}
        properties = {**exec_properties, "custom_config": json.dumps(config)}
        # TFX's executor names the class itself, with no way to give it another.
        stock, executor.TransformProcessor = executor.TransformProcessor, StoringProcessor
        try:
            super().Do(stock_inputs, output_dict, properties)
        finally:
            executor.TransformProcessor = stock
