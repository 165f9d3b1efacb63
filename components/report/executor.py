"""Collects what the artifacts say of themselves, and writes the page."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.report.page import PAGE_FILE, render
from components.report.shareable import relative_place, shareable
from components.report.sources import Provenance, Push, Sources
from components.report.step_times import step_times

PACKAGES = (
    "fieldmark",
    "tfx",
    "tensorflow",
    "keras",
    "apache-beam",
    "tensorflow-model-analysis",
    "tensorflow-transform",
    "ml-metadata",
    "ai-edge-litert",
    "numpy",
    "pyarrow",
    "pillow",
)
"""Whose versions the page tells."""

Inputs = Mapping[str, list[Artifact]]


class Executor(BaseExecutor):
    """See `component.Report`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        page = render(sources_of(input_dict), provenance_of(input_dict, exec_properties))
        directory = Path(artifact_utils.get_single_uri(output_dict["report"]))
        directory.mkdir(parents=True, exist_ok=True)
        (directory / PAGE_FILE).write_text(page, encoding="utf-8")


def sources_of(inputs: Inputs) -> Sources:
    """Returns the directories of the artifacts that are there."""
    examples = _one(inputs, "examples")
    splits = artifact_utils.decode_split_names(examples.split_names) if examples else []
    blessing = _one(inputs, "model_blessing")
    return Sources(
        taxonomy=Path(artifact_utils.get_single_uri(inputs["taxonomy"])),
        photo_index=Path(artifact_utils.get_single_uri(inputs["photo_index"])),
        examples={split: Path(artifact_utils.get_split_uri([examples], split)) for split in splits},
        set_aside=_directory(inputs, "set_aside"),
        near_duplicates=_directory(inputs, "near_duplicates"),
        gate=_directory(inputs, "gate"),
        history=_directory(inputs, "history"),
        evaluation=_directory(inputs, "evaluation"),
        model=_serving_directory(inputs, "model"),
        model_blessed=bool(blessing.get_int_custom_property("blessed")) if blessing else None,
        bundle=_serving_directory(inputs, "bundle"),
        mobile_report=_directory(inputs, "mobile_report"),
        pushes=tuple(
            _push(artifact, what)
            for key, what in (("pushed_model", "SavedModel"), ("pushed_bundle", "Phone bundle"))
            if (artifact := _one(inputs, key))
        ),
    )


def provenance_of(inputs: Inputs, exec_properties: Mapping[str, Any]) -> Provenance:
    """Returns where the page comes from."""
    artifacts = {key.replace("_", " "): each[0] for key, each in inputs.items() if each}
    return Provenance(
        pipeline=exec_properties["pipeline"],
        written=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        recipe=exec_properties["recipe"],
        export_fingerprint=exec_properties["export_fingerprint"],
        settings=shareable(json.loads(exec_properties["settings"])),
        versions=_versions(),
        machine=_machine(),
        steps=step_times(artifacts.values(), Path(exec_properties["metadata_db"])),
        artifacts={what: relative_place(artifact.uri) for what, artifact in artifacts.items()},
    )


def _one(inputs: Inputs, key: str) -> Artifact | None:
    artifacts = inputs.get(key)
    return artifacts[0] if artifacts else None


def _directory(inputs: Inputs, key: str) -> Path | None:
    artifact = _one(inputs, key)
    return Path(artifact.uri) if artifact else None


def _serving_directory(inputs: Inputs, key: str) -> Path | None:
    artifact = _one(inputs, key)
    return Path(path_utils.serving_model_path(artifact.uri)) if artifact else None


def _push(artifact: Artifact, what: str) -> Push:
    if not artifact.get_int_custom_property("pushed"):
        return Push(what, None)
    return Push(what, relative_place(artifact.get_string_custom_property("pushed_destination")))


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue  # an image may leave out what the page does not need
    return versions


def _machine() -> str:
    cores, memory = len(os.sched_getaffinity(0)), psutil.virtual_memory().total
    return f"{platform.system()} {platform.machine()}, {cores} cores, {memory / 2**30:.0f} GiB"
