"""A compiled pipeline read back from its file, strictly: what Kubeflow refuses is refused here.

compiled = read_compiled(Path("pipeline.yaml"))
compiled.parameters["export_dir"].default
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format

from schemas.errors import ConfigError, did_you_mean

Json = dict[str, Any]

SCHEMA_VERSION = "2.1.0"


@dataclass(frozen=True)
class Parameter:
    """A parameter of a run.

    Attributes:
        name: its name.
        default: used where a run gives none; None if each run must give it.
    """

    name: str
    default: Any


@dataclass(frozen=True)
class Compiled:
    """A compiled pipeline.

    Attributes:
        path: its file.
        spec: the PipelineSpec, as JSON values.
        platform: the platform document, as JSON values; empty if the file has none.
    """

    path: Path
    spec: Json
    platform: Json

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return str(self.spec["pipelineInfo"]["name"])

    @property
    def pipeline_root(self) -> str:
        """URI that artifacts are written under."""
        return str(self.spec["defaultPipelineRoot"])

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Parameters of a run, by name."""
        definitions = self.spec["root"].get("inputDefinitions", {}).get("parameters", {})
        return {
            name: Parameter(name, definition.get("defaultValue"))
            for name, definition in definitions.items()
        }

    @property
    def images(self) -> set[str]:
        """Images that the steps run in."""
        executors = self.spec["deploymentSpec"]["executors"].values()
        return {executor["container"]["image"] for executor in executors if "container" in executor}

    def arguments(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Returns a value for every parameter: Kubeflow drops none of them, but fills in none.

        Args:
            given: values by name; they go before the defaults.

        Raises:
            ConfigError: if a name is unknown, or a parameter has neither.
        """
        for name in given:
            if name not in self.parameters:
                raise ConfigError(
                    f"{self.path} has no parameter {name!r}. "
                    f"Allowed: {', '.join(self.parameters)}.{did_you_mean(name, self.parameters)}"
                )
        values = {name: given.get(name, each.default) for name, each in self.parameters.items()}
        missing = [name for name, value in values.items() if value is None]
        if missing:
            raise ConfigError(
                f"{self.path} needs {', '.join(missing)}, which has no default: "
                f"{' '.join(f'--set {name}=VALUE' for name in missing)}."
            )
        return values


def read_compiled(path: Path) -> Compiled:
    """Reads a file that `fieldmark kubeflow compile` wrote.

    Raises:
        ConfigError: if it is no such file.
    """
    from kfp.pipeline_spec import pipeline_spec_pb2

    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        spec, platform = documents[0], documents[1] if len(documents) > 1 else {}
        json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
        json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
        version = spec["schemaVersion"]
    except (OSError, yaml.YAMLError, json_format.ParseError, LookupError, TypeError) as error:
        raise ConfigError(
            f"{path} is not a compiled pipeline ({type(error).__name__}: {error}). "
            "Make one with: fieldmark kubeflow compile PRESET --image IMAGE --pipeline-root URI "
            f"-o {path}"
        ) from error
    if version != SCHEMA_VERSION:
        raise ConfigError(
            f"{path} has schema version {version}; Kubeflow Pipelines takes {SCHEMA_VERSION}. "
            "Compile it again."
        )
    return Compiled(path, spec, platform)
