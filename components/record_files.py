"""The TFRecord files of a split of an Examples artifact."""

from __future__ import annotations

from pathlib import Path

from tfx.components.util import examples_utils
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from schemas.errors import ConfigError


def record_files(examples: Artifact, split: str, *, setting: str) -> list[str]:
    """Returns the paths of a split's files (TFRecord, gzip), sorted.

    Args:
        examples: standard_artifacts.Examples.
        split: name of the split.
        setting: what names the split in the config, for the message.

    Raises:
        ConfigError: if there is no such split.
    """
    splits = artifact_utils.decode_split_names(examples.split_names)
    if split not in splits:
        raise ConfigError(
            f"{setting}: no such split in the examples. Allowed: {', '.join(splits)}. "
            f"Received: {split!r}."
        )
    assert examples_utils.get_file_format(examples) == "tfrecords_gzip"
    directory = Path(artifact_utils.get_split_uri([examples], split))
    return sorted(str(path) for path in directory.iterdir() if path.is_file())
