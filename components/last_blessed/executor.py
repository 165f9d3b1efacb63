"""Takes a pushed model back in, as the baseline of an evaluation."""

from __future__ import annotations

import shutil
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils


class Executor(BaseExecutor):
    """See `component.LastBlessedModel`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(output_dict["model"])
        # A copy: pushed versions come and go, and the evaluation stands for good.
        shutil.copytree(exec_properties["version_dir"], path_utils.serving_model_path(model.uri))
