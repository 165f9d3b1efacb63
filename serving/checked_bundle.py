"""A mobile bundle read back, every file held against the manifest, without TensorFlow.

A file that was changed, lost or added is refused: a phone must never get a model with another
model's taxonomy.

    bundle = load_bundle("bundle")
    bundle.model_path(bundle.default_variant), bundle.taxonomy.num_leaves
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError, DataError
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy
from serving.mobile_files import ANDROID_FILE
from serving.variants import Variant, model_file

BUNDLE_MANIFEST = "manifest.json"

_NEEDED = ("model_id", "image_size_px", "num_leaves", "variants", "default_variant", "files")
_REMEDY = "Export the mobile bundle again; do not edit it."


@dataclass(frozen=True)
class Bundle:
    """A checked bundle.

    Attributes:
        directory: where it is.
        manifest: its `manifest.json`.
        taxonomy: its taxonomy, N leaves.
    """

    directory: Path
    manifest: Mapping[str, Any]
    taxonomy: Taxonomy

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants it holds, in the order they were configured."""
        return tuple(self.manifest["variants"])

    @property
    def default_variant(self) -> Variant:
        """The variant that an app should take."""
        variant: Variant = self.manifest["default_variant"]
        return variant

    @property
    def image_size_px(self) -> int:
        """S, side of the square that the models take."""
        return int(self.manifest["image_size_px"])

    def model_path(self, variant: str) -> Path:
        """Returns the path of a variant's model.

        Raises:
            ConfigError: if the bundle does not hold it.
        """
        if variant not in self.variants:
            raise ConfigError(
                f"The bundle {self.directory} has no such variant. Allowed: "
                f"{', '.join(self.variants)}. Received: {variant!r}."
            )
        return self.directory / model_file(variant)


def load_bundle(directory: str | PathLike[str]) -> Bundle:
    """Returns a bundle after checking its files.

    Raises:
        DataError: naming the file that is missing, changed, or not the manifest's.
    """
    path = Path(directory)
    manifest = _read_manifest(path / BUNDLE_MANIFEST)
    for name, expected in manifest["files"].items():
        _check_file(path / name, expected)
    for found in path.iterdir():
        if found.name != BUNDLE_MANIFEST and found.name not in manifest["files"]:
            raise DataError(found, problem="is not in the bundle's manifest.", remedy=_REMEDY)
    taxonomy = read_taxonomy(path / ANDROID_FILE)
    if taxonomy.num_leaves != manifest["num_leaves"]:
        raise DataError(
            path / ANDROID_FILE,
            problem=f"has {taxonomy.num_leaves} leaves, the manifest {manifest['num_leaves']}.",
            remedy=_REMEDY,
        )
    return Bundle(path, manifest, taxonomy)


def bundle_fingerprint(directory: str | PathLike[str]) -> str:
    """Returns the sha256, in hex, of all that a phone would get, lineage notes left out.

    Raises:
        DataError: if the directory is no bundle.
    """
    manifest = _read_manifest(Path(directory) / BUNDLE_MANIFEST)
    served = {key: value for key, value in manifest.items() if key != "lineage"}
    return hashlib.sha256(json.dumps(served, sort_keys=True).encode()).hexdigest()


def describe_file(path: Path) -> dict[str, Any]:
    """Returns the size and the sha256 of a file, as the manifest has them."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _check_file(path: Path, expected: Mapping[str, Any]) -> None:
    if not path.is_file():
        raise DataError(path, problem="is missing.", remedy=_REMEDY)
    received = describe_file(path)
    if received != expected:
        raise DataError(
            path,
            problem="is not the file that the manifest names. Expected "
            f"{expected['bytes']:,} bytes, sha256 {expected['sha256'][:12]}.... "
            f"Received: {received['bytes']:,} bytes, sha256 {received['sha256'][:12]}....",
            remedy=_REMEDY,
        )


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            path, problem=f"cannot be read: {error.strerror}.", remedy="Give a bundle directory."
        ) from error
    except ValueError as error:
        raise DataError(path, problem=f"is not JSON: {error}.", remedy=_REMEDY) from error
    missing = [key for key in _NEEDED if key not in manifest]
    if missing:
        raise DataError(path, problem=f"lacks {', '.join(missing)}.", remedy=_REMEDY)
    return dict(manifest)
