"""Takes a pushed model back in, as the baseline of an evaluation or the start of a training."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.last_blessed.find import find_last_blessed, find_starting_model
from components.training_recipe import training_recipe
from schemas.events import emit
from schemas.record import TAXONOMY_FILE
from schemas.taxonomy_csv import read_taxonomy

NOTE_FILE = "none.txt"
"""Stands in the artifact where no model was found: object stores know no empty directories."""


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
        found = exec_properties.get("version_dir")
        if found is None:
            found = str(find_version(input_dict, exec_properties) or "")
        if found:
            # A copy: pushed versions come and go, and the evaluation stands for good.
            shutil.copytree(found, path_utils.serving_model_path(model.uri))
            return
        directory = Path(model.uri)
        directory.mkdir(parents=True, exist_ok=True)
        looked_in = exec_properties["pushed_dir"]
        (directory / NOTE_FILE).write_text(f"No model of another training was in {looked_in}.\n")
        emit("note", text="there is no blessed model yet")


def find_version(
    input_dict: Mapping[str, Sequence[Artifact]], exec_properties: Mapping[str, Any]
) -> Path | None:
    """Returns the version directory that a step is to copy; None if there is none."""
    pushed_dir = Path(exec_properties["pushed_dir"])
    recipe = training_recipe(exec_properties["recipe"], exec_properties["export_fingerprint"])
    network = exec_properties.get("network")
    if network:
        return find_starting_model(pushed_dir, recipe=recipe, network=network)
    (taxonomy,) = input_dict["taxonomy"]
    leaves = read_taxonomy(Path(taxonomy.uri) / TAXONOMY_FILE)
    return find_last_blessed(pushed_dir, recipe=recipe, taxonomy=leaves)


def found_model(input_dict: Mapping[str, Sequence[Artifact]], key: str) -> Path | None:
    """Returns the SavedModel that an input from a LastBlessedModel brings.

    Args:
        input_dict: of a step.
        key: of the input; it may be missing.

    Returns:
        None if the input is missing, or no model was found.
    """
    for artifact in input_dict.get(key) or ():
        directory = Path(path_utils.serving_model_path(artifact.uri))
        if directory.is_dir():
            return directory
    return None
