"""The lineage of one pipeline: which execution read and wrote which artifact.

Read once from ML Metadata, never written. The walks know no step by name: a pipeline with other
steps in between gives the same answers. An execution that was served from the cache wrote the same
artifacts again, so an artifact may have several executions that wrote it.

    graph = read_graph("runs/ladybirds/metadata.sqlite")
    for model in graph.of_type("Model"):
        graph.upstream(model.id, "fieldmark.PhotoIndex")
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from schemas.errors import DataError

_READ = (mlmd.Event.INPUT, mlmd.Event.DECLARED_INPUT)
_WRITTEN = (mlmd.Event.OUTPUT, mlmd.Event.DECLARED_OUTPUT)
"""Not PENDING_OUTPUT: what a step that failed or was killed was to write."""

_EXECUTIONS_AT_ONCE = 500


class Link(NamedTuple):
    """An execution that read or wrote an artifact.

    Attributes:
        execution_id: in ML Metadata.
        artifact_id: in ML Metadata.
        key: name of the input or output, for example "model".
    """

    execution_id: int
    artifact_id: int
    key: str


@dataclass(frozen=True, eq=False)
class Graph:
    """Executions and artifacts of one store.

    Attributes:
        artifacts: by id.
        executions: by id.
        inputs: what executions read, in order of execution.
        outputs: what executions wrote, in order of execution.
    """

    artifacts: Mapping[int, mlmd.Artifact]
    executions: Mapping[int, mlmd.Execution]
    inputs: Sequence[Link]
    outputs: Sequence[Link]

    def of_type(self, type_name: str) -> list[mlmd.Artifact]:
        """Returns the artifacts of a type that an execution wrote, in order of their ids."""
        return [
            self.artifacts[artifact_id]
            for artifact_id in sorted(self._writers)
            if self.artifacts[artifact_id].type == type_name
        ]

    def writers(self, artifact_id: int) -> list[int]:
        """Returns the executions that wrote an artifact, the first one first."""
        return [link.execution_id for link in self._writers.get(artifact_id, ())]

    def readers(self, artifact_id: int, key: str) -> list[int]:
        """Returns the executions that read an artifact as their input `key`, oldest first."""
        links = self._readers.get(artifact_id, ())
        return [link.execution_id for link in links if link.key == key]

    def read_by(self, execution_id: int) -> list[mlmd.Artifact]:
        """Returns what an execution read."""
        return [self.artifacts[link.artifact_id] for link in self._inputs.get(execution_id, ())]

    def written_by(self, execution_id: int) -> list[mlmd.Artifact]:
        """Returns what an execution wrote."""
        return [self.artifacts[link.artifact_id] for link in self._outputs.get(execution_id, ())]

    def upstream(self, artifact_id: int, type_name: str) -> list[mlmd.Artifact]:
        """Returns the artifacts of a type that an artifact descends from, nearest first.

        To these belongs all that an execution on the way wrote: the photo index lies beside the
        examples, and nobody reads it on the way to the model.
        """
        found: dict[int, mlmd.Artifact] = {}
        waiting, seen = deque(self.writers(artifact_id)), set(self.writers(artifact_id))
        while waiting:
            execution_id = waiting.popleft()
            above = self.read_by(execution_id)
            for artifact in (*above, *self.written_by(execution_id)):
                if artifact.type == type_name and artifact.id != artifact_id:
                    found.setdefault(artifact.id, artifact)
            for writer in (writer for artifact in above for writer in self.writers(artifact.id)):
                if writer not in seen:
                    seen.add(writer)
                    waiting.append(writer)
        return list(found.values())

    @cached_property
    def _writers(self) -> dict[int, list[Link]]:
        return _grouped(self.outputs, lambda link: link.artifact_id)

    @cached_property
    def _readers(self) -> dict[int, list[Link]]:
        return _grouped(self.inputs, lambda link: link.artifact_id)

    @cached_property
    def _inputs(self) -> dict[int, list[Link]]:
        return _grouped(self.inputs, lambda link: link.execution_id)

    @cached_property
    def _outputs(self) -> dict[int, list[Link]]:
        return _grouped(self.outputs, lambda link: link.execution_id)


def read_graph(database: str | PathLike[str]) -> Graph:
    """Reads a store of ML Metadata, which stays as it is.

    Raises:
        DataError: if it cannot be read.
    """
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(Path(database))
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READONLY
    try:
        return _read(MetadataStore(config))
    except Exception as error:  # SQLite's faults come as RuntimeError, others as mlmd's own
        raise _unreadable(Path(database), error) from error


def _read(store: MetadataStore) -> Graph:
    artifacts = {artifact.id: artifact for artifact in store.get_artifacts()}
    executions = {execution.id: execution for execution in store.get_executions()}
    ids = sorted(executions)
    events: list[mlmd.Event] = []
    for start in range(0, len(ids), _EXECUTIONS_AT_ONCE):
        events += store.get_events_by_execution_ids(ids[start : start + _EXECUTIONS_AT_ONCE])
    return Graph(artifacts, executions, _links(events, _READ), _links(events, _WRITTEN))


def _links(events: Iterable[mlmd.Event], types: tuple[int, ...]) -> list[Link]:
    return sorted(
        Link(event.execution_id, event.artifact_id, _key(event))
        for event in events
        if event.type in types
    )


def _key(event: mlmd.Event) -> str:
    return next((step.key for step in event.path.steps if step.HasField("key")), "")


def _grouped(links: Iterable[Link], by: Any) -> dict[int, list[Link]]:
    groups: dict[int, list[Link]] = {}
    for link in links:
        groups.setdefault(by(link), []).append(link)
    return groups


def _unreadable(database: Path, error: Exception) -> DataError:
    # What went wrong, without the statement that met it, which runs over many lines.
    text = str(error).removeprefix("Error when executing query: ").partition(" query: ")[0]
    reason = text.strip().rstrip(".") or type(error).__name__
    remedy = "Put back a copy of the file, or move the directory of this run elsewhere."
    # SQLite has to write where a write was broken off, ML Metadata where its tables are missing.
    if "readonly database" in reason:
        reason = "it has no tables of ML Metadata"
        if database.with_name(f"{database.name}-journal").exists():
            reason = "a run was stopped in the middle of a write"
            remedy = "Give the same `fieldmark run` again, which repairs it."
    return DataError(
        database,
        problem=f"cannot be read as a store of ML Metadata: {reason}.",
        remedy=remedy,
    )
