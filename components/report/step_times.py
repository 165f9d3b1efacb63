"""How long the steps took, asked of ML Metadata: of the executions that wrote the artifacts.

A step that was reused was run earlier, and its time is that of then. Where there is no such
database, as on Kubeflow, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.types.artifact import Artifact

from components.report.sources import StepTime


def step_times(artifacts: Iterable[Artifact], database: Path) -> tuple[StepTime, ...]:
    """Returns the steps that wrote artifacts, in the order in which they ended.

    Args:
        artifacts: with their ids, and with URIs as TFX gives them: .../step/output/execution.
        database: SQLite file of ML Metadata; it need not exist.
    """
    step_of_artifact = {a.id: PurePosixPath(a.uri).parts[-3] for a in artifacts if a.id}
    if not step_of_artifact or not database.is_file():
        return ()
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(database)
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READONLY
    store = MetadataStore(config)
    steps = {
        event.execution_id: step_of_artifact[event.artifact_id]
        for event in store.get_events_by_artifact_ids(list(step_of_artifact))
        # What reused an artifact has another execution, which took no time.
        if event.type == mlmd.Event.OUTPUT
    }
    executions = store.get_executions_by_id(list(steps))
    ran = [each for each in executions if each.last_known_state == mlmd.Execution.COMPLETE]
    return tuple(
        StepTime(steps[each.id], _secs(each), _in_words(each.last_update_time_since_epoch))
        for each in sorted(ran, key=lambda each: each.last_update_time_since_epoch)
    )


def _secs(execution: mlmd.Execution) -> float:
    millis = execution.last_update_time_since_epoch - execution.create_time_since_epoch
    return millis / 1000


def _in_words(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
