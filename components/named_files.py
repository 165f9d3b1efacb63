"""What is in the files that settings name, as a hash: an edited one makes its step run again.

TFX keys its cache on a step's settings, and so on a file's path alone. A step whose settings name
files has `contents` of them among its exec properties, taken where the pipeline is built; empty
where that is no machine that sees the files (a pipeline compiled for Kubeflow).

    contents({"trainer.synonyms": "synonyms.csv"})               # "5f0c..."; "" of no file at all
    contents_now(settings.named_files, expected=exec_properties["named_files"])    # in an executor
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from schemas.errors import ConfigError, FieldmarkError
from serving.saved_model import is_exported_model, load_manifest


def contents(paths: Mapping[str, str]) -> str:
    """Returns 16 hex digits over files and pushed models; "" if there are none.

    Args:
        paths: of files, and of directories that Fieldmark exported a model to, by the setting that
            names each.

    Raises:
        ConfigError: if nothing of that kind is at a path.
        DataError: if a model has no manifest, or a damaged one.
    """
    if not paths:
        return ""
    digest = hashlib.sha256()
    for setting, path in sorted(paths.items()):
        digest.update(f"{setting}\0{_content(setting, path)}\n".encode())
    return digest.hexdigest()[:16]


def contents_now(paths: Mapping[str, str], *, expected: str) -> str:
    """Returns `contents`, in the step that reads the files.

    Args:
        paths: as for `contents`.
        expected: what it gave where the pipeline was built; "" if they were not seen there.

    Raises:
        FieldmarkError: if they have changed since, so that the cache would hold the new content
            under the old one's key.
    """
    now = contents(paths)
    if expected and now != expected:
        raise FieldmarkError(
            f"A file of {', '.join(sorted(paths))} was changed after this run began. "
            "Give the same command again."
        )
    return now


def _content(setting: str, path: str) -> str:
    if is_exported_model(path):
        return f"model {load_manifest(path)['model_id']}"
    if not Path(path).is_file():
        raise ConfigError(
            f"{setting}: there is no file, and no directory of a pushed model, of this name. "
            f"Received: {path!r}."
        )
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
