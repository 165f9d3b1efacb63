"""How long the steps took, as ML Metadata's times on their artifacts tell.

An output is registered when its step begins and published when it ends. Where artifacts carry no
times, as in a pipeline that keeps its metadata elsewhere, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import PurePosixPath

from tfx.types.artifact import Artifact

from components.report.sources import StepTime


def step_times(artifacts: Iterable[Artifact]) -> tuple[StepTime, ...]:
    """Returns the steps that wrote artifacts, in the order in which they ended.

    Args:
        artifacts: with URIs as TFX gives them: .../step/output/execution.
    """
    found: dict[str, tuple[int, int]] = {}
    for artifact in artifacts:
        began = artifact.mlmd_artifact.create_time_since_epoch
        ended = artifact.mlmd_artifact.last_update_time_since_epoch
        parts = PurePosixPath(artifact.uri).parts
        if began and ended > began and len(parts) > 2:
            found[parts[-3]] = (ended, ended - began)
    return tuple(
        StepTime(step, took / 1000, _in_words(ended))
        for step, (ended, took) in sorted(found.items(), key=lambda item: item[1])
    )


def _in_words(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
