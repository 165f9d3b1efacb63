"""Pictures of errors, the component, and what a page may tell of where things lie."""

from __future__ import annotations

import base64
import io
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_run import FIRST_PHOTO, NAMES, MadeRun, make_run
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from parsed_page import ParsedPage
from PIL import Image
from tfx.types import artifact_utils, channel_utils, standard_artifacts

from components import artifacts
from components.report.component import Report
from components.report.executor import Executor
from components.report.photo_counts import histogram
from components.report.shareable import shareable
from components.report.step_times import step_times
from components.report.thumbnails import SIZE_PX, ConfidentError, find_records, thumbnails


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> MadeRun:
    return make_run(tmp_path_factory.mktemp("run"))


def corners(data_uri: str) -> tuple[str, str]:
    """Colour of the upper left and of the lower right corner."""
    image = Image.open(io.BytesIO(base64.b64decode(data_uri.partition(",")[2])))
    assert image.size == (SIZE_PX, SIZE_PX)
    colours = [image.getpixel(place) for place in ((5, 5), (SIZE_PX - 5, SIZE_PX - 5))]
    return tuple("red" if red > blue else "blue" for red, _, blue in colours)


def test_pictures_are_those_of_the_photo_ids_and_upright(run: MadeRun) -> None:
    sources = run.sources()
    errors = [ConfidentError(FIRST_PHOTO + n, 1, 2) for n in (2, 0, 77)]
    shown = thumbnails(errors, sources.photo_index, sources.examples)
    assert [each.error.photo_id for each in shown] == [FIRST_PHOTO + 2, FIRST_PHOTO]
    # Orientation 6: the left half of the file is the upper half of the photo.
    image = Image.open(io.BytesIO(base64.b64decode(shown[0].data_uri.partition(",")[2])))
    upper, lower = image.getpixel((56, 10)), image.getpixel((56, 100))
    assert upper[0] > 200 > 60 > upper[2]
    assert lower[2] > 200 > 60 > lower[0]
    assert corners(shown[1].data_uri) == ("red", "blue")


def test_photo_of_any_split_is_found_in_its_row(run: MadeRun) -> None:
    sources = run.sources()
    wanted = {FIRST_PHOTO + 1, FIRST_PHOTO + 103}
    found = find_records(wanted, sources.photo_index, sources.examples)
    assert {photo: (place.path.parent.name, place.row) for photo, place in found.items()} == {
        FIRST_PHOTO + 1: ("val", 1),
        FIRST_PHOTO + 103: ("train", 3),
    }


def test_records_that_are_gone_leave_the_page_without_pictures(run: MadeRun) -> None:
    gone = {"val": run.root / "swept away"}
    errors = [ConfidentError(FIRST_PHOTO, 1, 2)]
    assert thumbnails(errors, run.sources().photo_index, gone) == []


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=30))
def test_histogram_counts_every_taxon_once(counts: list[int]) -> None:
    bars = histogram(np.array(counts, np.int64))
    assert sum(height for _, height in bars) == len(counts)
    for label, height in bars:
        ends = [int(end.replace(",", "")) for end in label.split("–")]
        assert height == sum(ends[0] <= count <= ends[-1] for count in counts)


def test_settings_tell_no_place_on_the_machine() -> None:
    told = shareable({"export_dir": "/home/ada/beetles", "beam_args": ["--runner=X", "/opt/y"]})
    assert told == {"export_dir": "…/beetles", "beam_args": ["--runner=X", "…/y"]}


def test_steps_take_as_long_as_the_executions_that_wrote_their_artifacts(tmp_path: Path) -> None:
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "metadata.sqlite")
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    store = MetadataStore(config)
    (artifact_id,) = store.put_artifacts(
        [mlmd.Artifact(type_id=store.put_artifact_type(mlmd.ArtifactType(name="Model")))]
    )
    kind = store.put_execution_type(mlmd.ExecutionType(name="Trainer"))
    ran = mlmd.Execution(type_id=kind, last_known_state=mlmd.Execution.RUNNING)
    (ran_id,) = store.put_executions([ran])
    time.sleep(0.05)
    (execution,) = store.get_executions_by_id([ran_id])
    execution.last_known_state = mlmd.Execution.COMPLETE
    store.put_executions([execution])
    reused = mlmd.Execution(type_id=kind, last_known_state=mlmd.Execution.CACHED)
    (reused_id,) = store.put_executions([reused])
    store.put_events(
        [
            mlmd.Event(artifact_id=artifact_id, execution_id=each, type=mlmd.Event.OUTPUT)
            for each in (ran_id, reused_id)
        ]
    )
    model = standard_artifacts.Model()
    model.uri, model.id = "/runs/demo/artifacts/ProgressiveTrainer/model/7", artifact_id
    (step,) = step_times([model], tmp_path / "metadata.sqlite")
    assert step.step == "ProgressiveTrainer"
    assert 0.04 < step.secs < 10


def test_without_metadata_nothing_is_said_of_times(tmp_path: Path) -> None:
    model = standard_artifacts.Model()
    model.uri, model.id = "/runs/demo/artifacts/ProgressiveTrainer/model/7", 3
    assert step_times([model], tmp_path / "none.sqlite") == ()
    assert not list(tmp_path.iterdir())


def test_executor_writes_the_page_of_its_artifacts(run: MadeRun, tmp_path: Path) -> None:
    inputs = {
        "taxonomy": artifact(artifacts.Taxonomy, run.root / "taxonomy"),
        "photo_index": artifact(artifacts.PhotoIndex, run.root / "index"),
        "evaluation": artifact(standard_artifacts.ModelEvaluation, run.root / "evaluation"),
        "examples": artifact(standard_artifacts.Examples, tmp_path / "examples"),
        "model_blessing": artifact(standard_artifacts.ModelBlessing, tmp_path),
        "pushed_model": artifact(standard_artifacts.PushedModel, tmp_path),
    }
    inputs["examples"].split_names = artifact_utils.encode_split_names(["train", "val"])
    for split in ("train", "val"):
        shutil.copytree(run.root / "examples" / split, tmp_path / "examples" / f"Split-{split}")
    inputs["model_blessing"].set_int_custom_property("blessed", 1)
    inputs["pushed_model"].set_int_custom_property("pushed", 1)
    inputs["pushed_model"].set_string_custom_property(
        "pushed_destination", "/home/ada/runs/owls/pushed/saved_model/17"
    )
    output = artifact(artifacts.ReportPage, tmp_path / "report")
    component = Report(
        pipeline="owls",
        recipe="cafe",
        export_fingerprint="f00d",
        settings={"export_dir": "/home/ada/owls"},
        metadata_db=str(tmp_path / "none.sqlite"),
        **{key: channel_utils.as_channel([each]) for key, each in inputs.items()},
    )
    Executor().Do(
        {key: [each] for key, each in inputs.items()},
        {"report": [output]},
        dict(component.exec_properties),
    )
    text = (tmp_path / "report/report.html").read_text()
    (body,) = ParsedPage(text).named("body")
    assert "The model is blessed." in body.text
    assert "SavedModel: pushed to pushed/saved_model/17." in body.text
    assert "/home/ada" not in text
    assert NAMES[0] in body.text
    assert len(ParsedPage(text).named("img")) == 3


def artifact(kind: type, directory: Path) -> standard_artifacts.Model:
    made = kind()
    made.uri = str(directory)
    return made


def test_settings_are_a_part_of_the_cache_key() -> None:
    channels = {
        "taxonomy": channel_utils.as_channel([artifacts.Taxonomy()]),
        "photo_index": channel_utils.as_channel([artifacts.PhotoIndex()]),
    }
    report = Report(
        pipeline="owls",
        recipe="",
        export_fingerprint="",
        settings={"a": 1},
        metadata_db="",
        **channels,
    )
    assert json.loads(report.exec_properties["settings"]) == {"a": 1}
    assert len(report.exec_properties["code_version"]) == 16
