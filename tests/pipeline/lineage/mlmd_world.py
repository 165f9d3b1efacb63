"""A run's directory as TFX leaves it: ML Metadata, and small photo indexes on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.export_example_gen.set_aside import SetAsideRow, write_set_aside
from schemas.photo_index import IndexRow, index_file, write_index

COMPLETE, CACHED, FAILED = (
    mlmd.Execution.COMPLETE,
    mlmd.Execution.CACHED,
    mlmd.Execution.FAILED,
)

TAXONOMY_CSV = (
    "parent_taxon_id,taxon_id,rank_level,leaf_class_id,name\n"
    ",1,70,,Animalia\n"
    "1,51,10,0,Coccinella septempunctata\n"
    "1,52,10,1,Adalia bipunctata\n"
)

Outputs = dict[str, mlmd.Artifact]


class RunWorld:
    """One run.

    Args:
        root: its directory.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True)
        self.root = root
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(root / "metadata.sqlite")
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self._store = MetadataStore(config)

    def execute(
        self,
        step: str,
        inputs: Mapping[str, mlmd.Artifact],
        outputs: Mapping[str, tuple[str, Mapping[str, int | str]]],
        *,
        state: int = COMPLETE,
        reused: Outputs | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> Outputs:
        """Records an execution as TFX does, and makes the directories of what it wrote.

        Args:
            step: id of the node.
            inputs: artifact by key.
            outputs: type and custom properties by key.
            state: COMPLETE, CACHED or FAILED.
            reused: of an execution served from the cache: what it wrote again.
            properties: of the execution.
        """
        execution_type = self._store.put_execution_type(mlmd.ExecutionType(name=f"our.{step}"))
        execution = mlmd.Execution(type_id=execution_type, last_known_state=state)
        for name, value in (properties or {}).items():
            execution.custom_properties[name].string_value = value
        (execution_id,) = self._store.put_executions([execution])
        self._context(step, execution_id)
        written = dict(reused or {})
        if reused is None:
            for key, (type_name, properties) in outputs.items():
                written[key] = self._artifact(step, key, execution_id, type_name, properties)
        wrote = mlmd.Event.PENDING_OUTPUT if state == FAILED else mlmd.Event.OUTPUT
        events = [_event(execution_id, a.id, key, mlmd.Event.INPUT) for key, a in inputs.items()]
        events += [_event(execution_id, a.id, key, wrote) for key, a in written.items()]
        self._store.put_events(events)
        return written

    def read_export(self, rows: Mapping[str, Sequence[IndexRow]] | None, **options: Any) -> Outputs:
        """ExportExampleGen; `rows` by split, None for code that wrote no index yet."""
        types = {
            "examples": ("Examples", {}),
            "taxonomy": ("fieldmark.Taxonomy", {}),
            "set_aside": ("fieldmark.SetAside", {}),
        }
        if rows is not None:
            types["photo_index"] = ("fieldmark.PhotoIndex", {})
        fingerprint = {"export_fingerprint": options.get("export", "")}
        written = self.execute("ExportExampleGen", {}, types, properties=fingerprint)
        Path(written["taxonomy"].uri, "taxonomy.csv").write_text(TAXONOMY_CSV)
        write_set_aside(
            options.get("set_aside", []),
            Path(written["set_aside"].uri, "set_aside.csv"),
            files={split: f"{split}_data.csv" for split in ("train", "val", "test")},
        )
        for split, of_split in (rows or {}).items():
            middle = (len(of_split) + 1) // 2
            for number, part in enumerate((of_split[:middle], of_split[middle:])):
                path = index_file(Path(written["photo_index"].uri), split, number, 2)
                write_index(part, path)
        return written

    def train(
        self, read: Outputs, *, state: int = COMPLETE, settings: Mapping[str, Any] | None = None
    ) -> Outputs:
        """Transform and ProgressiveTrainer."""
        examples = {"examples": read["examples"], "taxonomy": read["taxonomy"]}
        transformed = self.execute(
            "Transform", examples, {"transformed_examples": ("Examples", {})}
        )
        inputs = {"examples": transformed["transformed_examples"], "taxonomy": read["taxonomy"]}
        types = {"model": ("Model", {}), "history": ("fieldmark.TrainingHistory", {})}
        said = {"settings": json.dumps(settings or {})}
        written = self.execute("ProgressiveTrainer", inputs, types, state=state, properties=said)
        return {**inputs, **written}

    def evaluate(self, trained: Outputs, *, blessed: bool, **more: mlmd.Artifact) -> mlmd.Artifact:
        """Evaluator; returns the blessing."""
        return self.evaluate_with_tables(trained, blessed=blessed, **more)["blessing"]

    def evaluate_with_tables(
        self, trained: Outputs, *, blessed: bool, **more: mlmd.Artifact
    ) -> Outputs:
        """Evaluator; the tables are for the caller to write."""
        inputs = {"model": trained["model"], "examples": trained["examples"], **more}
        types = {
            "blessing": ("ModelBlessing", {"blessed": int(blessed)}),
            "evaluation": ("ModelEvaluation", {}),
        }
        return self.execute("Evaluator", inputs, types, properties={"example_splits": '["val"]'})

    def push(self, trained: Outputs, number: int, blessing: mlmd.Artifact) -> None:
        """PushSavedModel, MobileExporter, MobileValidator and PushMobile."""
        inputs = {"model": trained["model"], "taxonomy": trained["taxonomy"]}
        photos = {"examples": trained["examples"], "model": trained["model"]}
        exported = self.execute("MobileExporter", {**inputs, **photos}, {"bundle": ("Model", {})})
        finished = {"finished_bundle": ("Model", {})}
        validated = self.execute("MobileValidator", {**exported, **photos}, finished)
        bundle = validated["finished_bundle"]
        self.push_one("PushSavedModel", trained["model"], "saved_model", number, blessing)
        self.push_one("PushMobile", bundle, "mobile", number, blessing)

    def push_one(
        self, step: str, model: mlmd.Artifact, folder: str, number: int, blessing: mlmd.Artifact
    ) -> None:
        """One pusher; number 0 for a model that it refused."""
        directory = self.root / "pushed" / folder / str(number)
        properties: dict[str, int | str] = {"pushed": int(number > 0)}
        if number:
            directory.mkdir(parents=True, exist_ok=True)
            properties |= {
                "pushed_destination": str(directory),
                "pushed_version": str(number),
            }
        inputs = {"model": model, "model_blessing": blessing}
        self.execute(step, inputs, {"pushed_model": ("PushedModel", properties)})

    def _artifact(
        self,
        step: str,
        key: str,
        execution_id: int,
        type_name: str,
        properties: Mapping[str, int | str],
    ) -> mlmd.Artifact:
        uri = self.root / "artifacts" / step / key / str(execution_id)
        uri.mkdir(parents=True)
        artifact = mlmd.Artifact(
            type_id=self._store.put_artifact_type(mlmd.ArtifactType(name=type_name)),
            uri=str(uri),
            state=mlmd.Artifact.LIVE,
        )
        for name, value in properties.items():
            field = "int_value" if isinstance(value, int) else "string_value"
            setattr(artifact.custom_properties[name], field, value)
        (artifact.id,) = self._store.put_artifacts([artifact])
        return artifact

    def _context(self, step: str, execution_id: int) -> None:
        context_type = self._store.put_context_type(mlmd.ContextType(name="node"))
        name = f"{self.root.name}.{step}"
        context = self._store.get_context_by_type_and_name("node", name)
        if context is None:
            (context_id,) = self._store.put_contexts(
                [mlmd.Context(type_id=context_type, name=name)]
            )
        else:
            context_id = context.id
        self._store.put_attributions_and_associations(
            [], [mlmd.Association(execution_id=execution_id, context_id=context_id)]
        )


def index_row(photo_id: int, **values: Any) -> IndexRow:
    """A row of an index; what a test does not say follows from the photo's id."""
    row: dict[str, Any] = {
        "photo_id": photo_id,
        "observation_id": 1_000 + photo_id,
        "observation_uuid": None,
        "taxon_id": 51,
        "row_number": 2,
        "path": f"photos/{photo_id}/medium.jpg",
        "photo_url": f"https://photos.example.org/photos/{photo_id}/medium.jpg",
        "sha256": hashlib.sha256(str(photo_id).encode()).hexdigest(),
        "phash": 0x5555555555555555 ^ photo_id << 8,
        "license": None,
        "rights_holder": None,
        "observer": None,
    }
    return IndexRow(**{**row, **values})


def left_out(split: str, row: int, photo_id: int, kind: str, reason: str) -> SetAsideRow:
    """A row of the list of photos set aside."""
    return SetAsideRow(split, row, photo_id, kind, reason)


def _event(execution_id: int, artifact_id: int, key: str, kind: int) -> mlmd.Event:
    event = mlmd.Event(execution_id=execution_id, artifact_id=artifact_id, type=kind)
    event.path.steps.add().key = key
    event.path.steps.add().index = 0
    return event
