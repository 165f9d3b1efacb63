"""The models of one pipeline: when each was trained, what became of it, what it learnt from.

A trained model is a `Model` artifact whose execution read examples and no other model that it is
made from. A phone bundle or a copy of a pushed version is a `Model` too, but only the same model in
another form, whatever photos it was quantised or validated by.

    for model in trained_models(read_graph(root / "metadata.sqlite"), root):
        model.title, model.blessed, model.pushed, model.indexes
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.layout import Layout
from pipeline.lineage.graph import Graph

# Names of artifact types as ML Metadata has them. Importing the types would start TensorFlow, which
# takes seconds and is not needed for a question.
EXAMPLES = "Examples"
MODEL = "Model"
BLESSING = "ModelBlessing"
PUSHED_MODEL = "PushedModel"
PHOTO_INDEX = "fieldmark.PhotoIndex"
SET_ASIDE = "fieldmark.SetAside"
TAXONOMY = "fieldmark.Taxonomy"

_PHONE_FOLDER = Layout(Path()).pushed_bundles.name

_MODEL_KEY = "model"
"""The input under which a model is judged, converted or pushed; not "baseline_model"."""


@dataclass(frozen=True)
class PushedVersion:
    """A version that holds a model.

    Attributes:
        name: folder and number, such as "saved_model/1700000000".
        path: where it was pushed to.
    """

    name: str
    path: Path

    @property
    def number(self) -> int:
        """The version, a Unix time in seconds; the highest one is served."""
        return int(self.path.name)

    @property
    def is_phone_bundle(self) -> bool:
        """Whether it is for the phone; else it is the SavedModel."""
        return self.path.parent.name == _PHONE_FOLDER


@dataclass(frozen=True)
class TrainedModel:
    """A model and its lineage.

    Attributes:
        run: name of the pipeline, which is that of its directory.
        execution_id: of the training, in ML Metadata.
        trained_at: when the training ended, UTC.
        blessed: verdict of its newest evaluation; None if there was none.
        pushed: versions that hold it, oldest first, the SavedModel before the phone bundle that
            was pushed with it.
        indexes: directories of the photo indexes it descends from; none if it was trained before
            there were any.
        set_aside: directories of the lists of photos left out.
        taxonomies: directories of the taxonomies it descends from, nearest first.
    """

    run: str
    execution_id: int
    trained_at: datetime
    blessed: bool | None
    pushed: tuple[PushedVersion, ...]
    indexes: tuple[Path, ...]
    set_aside: tuple[Path, ...]
    taxonomies: tuple[Path, ...]

    @property
    def trained_at_text(self) -> str:
        """For people, to the minute."""
        return f"{self.trained_at:%Y-%m-%d %H:%M}"

    @property
    def title(self) -> str:
        """The model for people."""
        return f"{self.run}, execution {self.execution_id} (trained {self.trained_at_text} UTC)"


def trained_models(graph: Graph, root: Path) -> list[TrainedModel]:
    """Returns the models of a pipeline, oldest first.

    Args:
        graph: of the pipeline's store.
        root: the pipeline's directory. If it has been moved since, what steps wrote is looked for
            where it lies now.
    """
    models = [
        _trained_model(graph, root, artifact.id, execution_id)
        for artifact in graph.of_type(MODEL)
        # Later writers only took the model from the cache.
        for execution_id in graph.writers(artifact.id)[:1]
        if any(read.type == EXAMPLES for read in graph.read_by(execution_id))
        and not any(
            execution_id in graph.readers(read.id, _MODEL_KEY)
            for read in graph.read_by(execution_id)
        )
    ]
    return sorted(models, key=lambda model: model.execution_id)


def _trained_model(graph: Graph, root: Path, artifact_id: int, execution_id: int) -> TrainedModel:
    def directories(type_name: str) -> tuple[Path, ...]:
        return tuple(on_disk(a.uri, root) for a in graph.upstream(artifact_id, type_name))

    ended_ms = graph.executions[execution_id].last_update_time_since_epoch
    return TrainedModel(
        run=root.name,
        execution_id=execution_id,
        trained_at=datetime.fromtimestamp(ended_ms / 1000, UTC),
        blessed=_blessed(graph, artifact_id),
        pushed=_pushed(graph, root, artifact_id),
        indexes=directories(PHOTO_INDEX),
        set_aside=directories(SET_ASIDE),
        taxonomies=directories(TAXONOMY),
    )


def _blessed(graph: Graph, model_id: int) -> bool | None:
    verdicts = [
        written.custom_properties["blessed"].int_value == 1
        for execution_id in graph.readers(model_id, _MODEL_KEY)
        for written in graph.written_by(execution_id)
        if written.type == BLESSING
    ]
    return verdicts[-1] if verdicts else None


def _pushed(graph: Graph, root: Path, model_id: int) -> tuple[PushedVersion, ...]:
    versions: dict[str, PushedVersion] = {}
    for artifact in _made_from(graph, model_id):
        properties = artifact.custom_properties
        if artifact.type == PUSHED_MODEL and properties["pushed"].int_value == 1:
            path = Path(properties["pushed_destination"].string_value)
            name = f"{path.parent.name}/{path.name}"
            here = Layout(root).pushed_saved_models.parent / path.parent.name / path.name
            versions[name] = PushedVersion(name, path if path.exists() else here)
    return tuple(
        sorted(versions.values(), key=lambda version: (version.number, version.is_phone_bundle))
    )


def _made_from(graph: Graph, model_id: int) -> Iterator[mlmd.Artifact]:
    """Yields what was made from a model as "model", and from the same model in other forms."""
    for execution_id in graph.readers(model_id, _MODEL_KEY):
        for artifact in graph.written_by(execution_id):
            yield artifact
            if artifact.type == MODEL:
                yield from _made_from(graph, artifact.id)


def on_disk(uri: str, root: Path) -> Path:
    """The directory of an artifact, <step>/<output>/<execution id>, wherever the run lies now."""
    recorded = Path(uri)
    here = Layout(root).artifacts.joinpath(*recorded.parts[-3:])
    return here if here.exists() and not recorded.exists() else recorded
