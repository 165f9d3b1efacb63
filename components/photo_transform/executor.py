"""TFX's Transform executor, told where the leaf taxa lie."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

from tfx.components.transform import executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from schemas import record


class Executor(executor.Executor):
    """Adds `leaf_taxa_path` to the custom config that `preprocessing_fn` receives."""

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
        super().Do(
            stock_inputs, output_dict, {**exec_properties, "custom_config": json.dumps(config)}
        )
