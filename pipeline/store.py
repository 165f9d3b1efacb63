"""Questions to ML Metadata about the steps of a pipeline, and one repair.

ML Metadata is the only ledger. A run that was killed leaves its step RUNNING for ever;
`close_orphans` marks it as canceled and removes what it had half written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

_ENDED_WELL = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)

_CODE = "code_version"
_EXPORT = "export_fingerprint"
_FILES = "named_files"

_NEW_NAMED = 4
"""New inputs that a line names; the report takes a dozen."""


@dataclass(frozen=True)
class StepRun:
    """One execution of a step.

    Attributes:
        execution_id: in ML Metadata.
        state: an mlmd.Execution state.
        parameters: execution properties by name.
        inputs: artifact ids by input key.
        outputs: artifact by output key.
    """

    execution_id: int
    state: int
    parameters: dict[str, Any]
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, mlmd.Artifact]

    @property
    def reused(self) -> bool:
        """Whether an earlier result was taken."""
        return self.state == mlmd.Execution.CACHED


class Store:
    """ML Metadata of one pipeline.

    Args:
        database: SQLite file; made if missing.
        pipeline_name: name of the pipeline.
    """

    def __init__(self, database: Path, pipeline_name: str) -> None:
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(database)
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self._store = MetadataStore(config)
        self._pipeline_name = pipeline_name

    def runs_of(self, step: str) -> list[StepRun]:
        """Returns all executions of a step, oldest first."""
        context = self._store.get_context_by_type_and_name("node", f"{self._pipeline_name}.{step}")
        if context is None:
            return []
        executions = self._store.get_executions_by_context(context.id)
        return [self._step_run(e) for e in sorted(executions, key=lambda e: e.id)]

    def last_good(self, step: str) -> StepRun | None:
        """Returns the newest execution of a step that ended well, or None."""
        good = [run for run in self.runs_of(step) if run.state in _ENDED_WELL]
        return good[-1] if good else None

    def close_orphans(self) -> list[str]:
        """Ends executions that a killed run left RUNNING; returns the names of their steps."""
        orphans = [
            execution
            for execution in self._store.get_executions()
            if execution.last_known_state == mlmd.Execution.RUNNING
        ]
        for execution in orphans:
            for artifact in self._artifacts(execution.id, mlmd.Event.PENDING_OUTPUT):
                shutil.rmtree(artifact.uri, ignore_errors=True)
                artifact.state = mlmd.Artifact.ABANDONED
                self._store.put_artifacts([artifact])
            execution.last_known_state = mlmd.Execution.CANCELED
        self._store.put_executions(orphans)
        return [self._node_name(execution) for execution in orphans]

    def _node_name(self, execution: mlmd.Execution) -> str:
        for context in self._store.get_contexts_by_execution(execution.id):
            if context.type == "node":
                return context.name.removeprefix(f"{self._pipeline_name}.")
        return execution.name

    def _step_run(self, execution: mlmd.Execution) -> StepRun:
        events = self._store.get_events_by_execution_ids([execution.id])
        inputs: dict[str, list[int]] = {}
        for event in events:
            if event.type in (mlmd.Event.INPUT, mlmd.Event.DECLARED_INPUT):
                inputs.setdefault(event.path.steps[0].key, []).append(event.artifact_id)
        output_keys = {
            event.artifact_id: event.path.steps[0].key
            for event in events
            if event.type in (mlmd.Event.OUTPUT, mlmd.Event.DECLARED_OUTPUT)
        }
        outputs = self._store.get_artifacts_by_id(list(output_keys)) if output_keys else []
        return StepRun(
            execution.id,
            execution.last_known_state,
            {key: _value(value) for key, value in execution.custom_properties.items()},
            {key: tuple(sorted(ids)) for key, ids in inputs.items()},
            {output_keys[artifact.id]: artifact for artifact in outputs},
        )

    def _artifacts(self, execution_id: int, event_type: int) -> Iterable[mlmd.Artifact]:
        events = self._store.get_events_by_execution_ids([execution_id])
        ids = [event.artifact_id for event in events if event.type == event_type]
        return self._store.get_artifacts_by_id(ids) if ids else []


def why(run: StepRun, earlier: list[StepRun]) -> str:
    """Returns why a step ran, or was reused, in a few words.

    Args:
        run: the execution to explain.
        earlier: the step's executions before it, oldest first.
    """
    if run.reused:
        return "same inputs, settings and code"
    good = [before for before in earlier if before.state in _ENDED_WELL]
    if not good:
        return "first run" if not earlier else "an earlier run did not end"
    reasons = [_parameter_reason(key, good[-1], run) for key in _changed(good[-1], run)]
    new = [key for key in sorted(run.inputs) if run.inputs[key] != good[-1].inputs.get(key)]
    reasons += [f"new {key}" for key in new[:_NEW_NAMED]]
    reasons += [f"{len(new) - _NEW_NAMED} more new inputs"] if len(new) > _NEW_NAMED else []
    return ", ".join(dict.fromkeys(reasons)) or "not in the cache"


def _changed(before: StepRun, now: StepRun) -> list[str]:
    keys = sorted({*before.parameters, *now.parameters})
    return [key for key in keys if before.parameters.get(key) != now.parameters.get(key)]


def _parameter_reason(key: str, before: StepRun, now: StepRun) -> str:
    if key == _CODE:
        return "its code changed"
    if key == _EXPORT:
        return "the export changed"
    if key == _FILES:
        return "a file that its settings name changed"
    old, new = _json(before.parameters.get(key)), _json(now.parameters.get(key))
    if isinstance(old, dict) and isinstance(new, dict):
        # A setting that was not there before may be null now.
        names = [
            name
            for name in sorted({*old, *new})
            if (name in old, old.get(name)) != (name in new, new.get(name))
        ]
        return f"{key} changed: {', '.join(names)}"
    return f"{key} changed"


def _json(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def _value(value: mlmd.Value) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None
