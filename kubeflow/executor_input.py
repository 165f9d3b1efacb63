"""What Kubeflow hands a step and takes back, made such that TFX's own container module reads it.

Law: only what open-source Kubeflow leaves out or writes otherwise is changed.

1. An input says nothing of its type: the component's spec does.
2. A type of ours is named for the project; TFX wants its import path.
3. Lists and structs in metadata come wrapped: {"list": [...]}, {"struct": {...}}.
4. An output has no name, and TFX identifies artifacts by names.
5. URIs are paths here (`uris`), unless the step's workers elsewhere must see them too.
6. Back: paths become URIs again, and null metadata, which the launcher refuses, is left out.

    for_tfx(executor_input, inputs_spec, map_uris=True)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from kubeflow.artifact_types import class_path
from kubeflow.uris import map_strings, to_path, to_uri

Json = dict[str, Any]

_WRAPPERS = ("list", "struct")


def for_tfx(executor_input: Json, inputs_spec: Json, *, map_uris: bool) -> Json:
    """Returns an ExecutorInput that TFX's container module can read.

    Args:
        executor_input: KFP's ExecutorInput, as JSON values.
        inputs_spec: KFP's ComponentInputsSpec of the step.
        map_uris: whether URIs become the launcher's paths.
    """
    mapping = to_path if map_uris else str
    types = inputs_spec.get("artifacts", {})
    inputs, outputs = executor_input.get("inputs", {}), executor_input.get("outputs", {})
    return {
        "inputs": {
            **inputs,
            "artifacts": {
                key: _list(content, mapping, type_of=types.get(key, {}).get("artifactType"))
                for key, content in inputs.get("artifacts", {}).items()
            },
        },
        "outputs": {
            **outputs,
            "artifacts": {
                key: _list(content, mapping)
                for key, content in outputs.get("artifacts", {}).items()
            },
        },
    }


def for_kubeflow(executor_output: Json, *, map_uris: bool) -> Json:
    """Returns an ExecutorOutput that Kubeflow's launcher takes.

    Args:
        executor_output: as TFX's container module wrote it.
        map_uris: whether the launcher's paths become URIs again.
    """
    mapping = to_uri if map_uris else str
    artifacts = {
        key: {"artifacts": [_back(artifact, mapping) for artifact in content["artifacts"]]}
        for key, content in executor_output.get("artifacts", {}).items()
    }
    return {**executor_output, "artifacts": artifacts}


def artifacts_in(executor_part: Json) -> Iterator[Json]:
    """Yields the artifacts of an ExecutorInput's inputs or outputs."""
    for content in executor_part.get("artifacts", {}).values():
        yield from content.get("artifacts", [])


def _list(content: Json, mapping: Any, type_of: Json | None = None) -> Json:
    artifacts = [_artifact(artifact, mapping, type_of) for artifact in content.get("artifacts", [])]
    return {**content, "artifacts": artifacts}


def _artifact(artifact: Json, mapping: Any, type_of: Json | None) -> Json:
    given = artifact.get("type") or {}
    known = given if any(given.values()) else type_of
    made = {**artifact, "uri": mapping(artifact["uri"])}
    made["name"] = artifact.get("name") or artifact["uri"]
    if known:
        made["type"] = _with_import_path(known)
    metadata = {key: _unwrapped(value) for key, value in artifact.get("metadata", {}).items()}
    made["metadata"] = map_strings(metadata, mapping)
    return made


def _with_import_path(kind: Json) -> Json:
    schema = yaml.safe_load(kind.get("instanceSchema") or "null")
    if not isinstance(schema, dict) or "title" not in schema:
        return kind
    return {"instanceSchema": yaml.safe_dump({**schema, "title": class_path(schema["title"])})}


def _unwrapped(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        (key,) = value
        if key in _WRAPPERS:
            return value[key]
    return value


def _back(artifact: Json, mapping: Any) -> Json:
    metadata = {
        key: map_strings(value, mapping)
        for key, value in artifact.get("metadata", {}).items()
        if value is not None
    }
    # The launcher knows the artifact by its place; a name would be taken for another artifact's.
    rest = {key: value for key, value in artifact.items() if key != "name"}
    return {**rest, "uri": mapping(artifact["uri"]), "metadata": metadata}
