"""Where Kubeflow's launcher puts what a URI names: `minio://bucket/key` is `/minio/bucket/key`.

TensorFlow and Beam know no `minio://` or `s3://`; the launcher copies a step's inputs to such paths
before the step starts, and its outputs from there after it ends.

    to_path("minio://mlpipeline/v2/artifacts/1")  # "/minio/mlpipeline/v2/artifacts/1"
    to_uri("/minio/mlpipeline/v2/artifacts/1")    # and back

Source: `LocalPathForURI` in the Kubeflow Pipelines back end's launcher.
"""

from __future__ import annotations

import os
from typing import Any

FOLDERS = {"minio://": "/minio/", "s3://": "/s3/", "gs://": "/gcs/"}
"""Folder of each scheme."""

ROOT_VARIABLE = "FIELDMARK_KFP_ROOT"
"""Environment variable with a directory that stands for `/`, where there is no container."""


def to_path(text: str) -> str:
    """Returns the path of a URI; any other text as it is."""
    for scheme, folder in FOLDERS.items():
        if text.startswith(scheme):
            return _root() + folder + text.removeprefix(scheme)
    return text


def to_uri(text: str) -> str:
    """Returns the URI of a path that `to_path` gave; any other text as it is."""
    for scheme, folder in FOLDERS.items():
        if text.startswith(_root() + folder):
            return scheme + text.removeprefix(_root() + folder)
    return text


def _root() -> str:
    return os.environ.get(ROOT_VARIABLE, "").rstrip("/")


def map_strings(value: Any, mapping: Any) -> Any:
    """Returns a JSON value with every string in it mapped.

    Args:
        value: of dicts, lists and scalars.
        mapping: text -> text.
    """
    if isinstance(value, str):
        return mapping(value)
    if isinstance(value, list):
        return [map_strings(item, mapping) for item in value]
    if isinstance(value, dict):
        return {key: map_strings(item, mapping) for key, item in value.items()}
    return value
