"""A mark that gates a Pusher, written exactly as TFX's InfraValidator writes it.

A Pusher's `infra_blessing` input reads the custom property `blessed`; people look for the file.
"""

from __future__ import annotations

from pathlib import Path

from tfx.types.artifact import Artifact

BLESSED_PROPERTY = "blessed"
BLESSED_FILE = "INFRA_BLESSED"
NOT_BLESSED_FILE = "INFRA_NOT_BLESSED"


def mark(blessing: Artifact, *, blessed: bool) -> None:
    """Marks a standard_artifacts.InfraBlessing."""
    directory = Path(blessing.uri)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / (BLESSED_FILE if blessed else NOT_BLESSED_FILE)).touch()
    blessing.set_int_custom_property(BLESSED_PROPERTY, int(blessed))
