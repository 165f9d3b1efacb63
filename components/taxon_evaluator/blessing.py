"""Takes a blessing back that TFX's Evaluator has given: a Pusher must not see it."""

from __future__ import annotations

from pathlib import Path

from tfx.components.evaluator import constants
from tfx.types.artifact import Artifact


def withhold(blessing: Artifact) -> None:
    """Marks a standard_artifacts.ModelBlessing as not blessed, as TFX marks it.

    Args:
        blessing: as TFX's Evaluator left it.
    """
    directory = Path(blessing.uri)
    (directory / constants.BLESSED_FILE_NAME).unlink(missing_ok=True)
    (directory / constants.NOT_BLESSED_FILE_NAME).write_text("")
    blessing.set_int_custom_property(
        constants.ARTIFACT_PROPERTY_BLESSED_KEY, constants.NOT_BLESSED_VALUE
    )
