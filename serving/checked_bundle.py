"""A mobile bundle read back, every file held against the manifest, without TensorFlow.

A file that was changed, lost or added is refused: a phone must never get a model with another
model's taxonomy.

    bundle = load_bundle("pushed/mobile/1700000000")   # or the fieldmark-... directory in it
    bundle.model_path(bundle.default_variant), bundle.taxonomy.num_leaves
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError, DataError
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy
from serving.bundle_manifest import (
    CREDITS_FILE,
    REMEDY,
    BundleManifest,
    FileEntry,
    parse_manifest,
)
from serving.mobile_files import ANDROID_FILE

BUNDLE_MANIFEST = "manifest.json"
MODEL_CARD_FILE = "MODEL_CARD.md"

_OF_NO_EFFECT = ("lineage", "validation", "training", "default_reason", "files", "variants")
"""Keys of the manifest that change no answer of a phone, or are compared file by file."""


@dataclass(frozen=True)
class Bundle:
    """A checked bundle.

    Attributes:
        directory: where its files are.
        details: its manifest.
    """

    directory: Path
    details: BundleManifest

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """Its taxonomy, N leaves.

        Raises:
            DataError: if it is faulty or has not the manifest's leaves; never after `load_bundle`.
        """
        path = self.directory / ANDROID_FILE
        taxonomy = read_taxonomy(path)
        if taxonomy.num_leaves != self.details.num_leaves:
            raise DataError(
                path,
                problem=f"has {taxonomy.num_leaves} leaves, the manifest "
                f"{self.details.num_leaves}.",
                remedy=REMEDY,
            )
        return taxonomy

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest as plain values."""
        return self.details.model_dump(mode="json")

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants it holds, in the order they were configured."""
        return tuple(self.details.variants)

    @property
    def default_variant(self) -> str:
        """The variant that an app should take; the first one of a bundle that nobody validated."""
        return self.details.default_variant or self.variants[0]

    @property
    def image_size_px(self) -> int:
        """S, side of the square that the models take."""
        return self.details.image_size_px

    def temperature(self, variant: str) -> float | None:
        """Returns what calibrates a variant's scores: its own, or the network's; None if none."""
        return self.details.variants[variant].temperature or self.details.temperature

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
        return self.directory / self.details.variants[variant].file


def find_bundle(directory: str | PathLike[str]) -> Path | None:
    """Returns where a bundle's files are: the directory itself, or the only one in it; or None."""
    path = Path(directory)
    if (path / BUNDLE_MANIFEST).is_file():
        return path
    inside = sorted(path.glob(f"fieldmark-*/{BUNDLE_MANIFEST}"))
    return inside[0].parent if len(inside) == 1 else None


def load_bundle(directory: str | PathLike[str]) -> Bundle:
    """Returns a bundle after checking its files and its taxonomy.

    Args:
        directory: of the bundle, or one that holds it and nothing but its zip.

    Raises:
        DataError: naming the file that is missing, changed, not the manifest's, or a faulty
            taxonomy.
    """
    bundle = load_files(directory)
    _ = bundle.taxonomy
    return bundle


def load_files(directory: str | PathLike[str]) -> Bundle:
    """Returns a bundle whose files are those of its manifest, its taxonomy not yet read.

    For who judges a bundle: a taxonomy that no app could read is then a fault to report.

    Args:
        directory: as for `load_bundle`.

    Raises:
        DataError: naming the file that is missing, changed, or not the manifest's.
    """
    path = find_bundle(directory) or Path(directory)
    details = _read_manifest(path / BUNDLE_MANIFEST)
    for name, expected in details.files.items():
        _check_file(path / name, expected)
    for found in path.iterdir():
        if found.name != BUNDLE_MANIFEST and found.name not in details.files:
            raise DataError(found, problem="is not in the bundle's manifest.", remedy=REMEDY)
    return Bundle(path, details)


def bundle_fingerprint(directory: str | PathLike[str]) -> str:
    """Returns the sha256, in hex, of all that decides what a phone answers.

    Figures, lineage, credits and the model card are left out: validating a bundle again makes no
    new one.

    Raises:
        DataError: if the directory is no bundle.
    """
    path = find_bundle(directory) or Path(directory)
    details = _read_manifest(path / BUNDLE_MANIFEST)
    served = details.model_dump(mode="json", exclude=set(_OF_NO_EFFECT))
    served["files"] = {
        name: entry.sha256
        for name, entry in details.files.items()
        if name not in (MODEL_CARD_FILE, CREDITS_FILE)
    }
    served["temperatures"] = {name: of.temperature for name, of in details.variants.items()}
    return hashlib.sha256(json.dumps(served, sort_keys=True).encode()).hexdigest()


def describe_file(path: Path) -> FileEntry:
    """Returns the size and the sha256 of a file, as the manifest has them."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileEntry(bytes=path.stat().st_size, sha256=digest)


def _check_file(path: Path, expected: FileEntry) -> None:
    if not path.is_file():
        raise DataError(path, problem="is missing.", remedy=REMEDY)
    received = describe_file(path)
    if received != expected:
        raise DataError(
            path,
            problem="is not the file that the manifest names. Expected "
            f"{expected.bytes:,} bytes, sha256 {expected.sha256[:12]}.... "
            f"Received: {received.bytes:,} bytes, sha256 {received.sha256[:12]}....",
            remedy=REMEDY,
        )


def _read_manifest(path: Path) -> BundleManifest:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(
            path, problem=f"cannot be read: {error.strerror}.", remedy="Give a bundle directory."
        ) from error
    return parse_manifest(text, source=path)
