from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.artifacts import Taxonomy, TrainingHistory
from components.named_files import contents
from components.progressive_trainer import executor as executor_module
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.executor import Executor
from components.progressive_trainer.job import TrainingJob
from components.progressive_trainer.starting_weights import starting_weights
from components.training_recipe import training_recipe
from schemas.errors import ConfigError, FieldmarkError
from schemas.settings import load_settings
from serving.fingerprint import EXTRAS, MANIFEST_FILE

WANTED = {"base_weights": "last_blessed", "first_base_weights": "imagenet", "seed": 3}


def exported(directory: Path, model_id: str = "abc123") -> str:
    (directory / EXTRAS).mkdir(parents=True)
    (directory / "saved_model.pb").write_text("")
    keys = {"image_size_px": 32, "num_leaves": 2, "preprocessing": "", "signatures": []}
    (directory / EXTRAS / MANIFEST_FILE).write_text(json.dumps({"model_id": model_id, **keys}))
    return str(directory)


def test_last_blessed_model_is_started_from_and_named(tmp_path: Path) -> None:
    model = exported(tmp_path / "model")
    start = starting_weights(WANTED, base_model_dir=model)
    assert start.settings == {**WANTED, "base_weights": model}
    assert start.note == "training starts from the last blessed model, abc123"
    assert start.manifest == {"base_model": "abc123"}


def test_first_training_falls_back_and_says_so() -> None:
    start = starting_weights(WANTED, base_model_dir=None)
    assert start.settings["base_weights"] == "imagenet"
    assert start.note == (
        "no model of this network was blessed before: training starts from imagenet "
        "(trainer.first_base_weights)"
    )
    assert start.manifest == {}


def test_other_base_weights_stay_and_a_model_among_them_is_named(tmp_path: Path) -> None:
    model = exported(tmp_path / "model")
    settings = {"base_weights": model}
    start = starting_weights(settings, base_model_dir=None)
    assert (start.settings, start.note) == (settings, None)
    assert start.manifest == {"base_model": "abc123"}
    assert starting_weights({"base_weights": "none"}, base_model_dir=None).manifest == {}


def test_first_weights_must_be_there_before_the_first_model() -> None:
    with pytest.raises(ConfigError, match=r"is for the time before any model was blessed: none, "):
        load_settings(TrainerSettings, {"first_base_weights": "last_blessed"}, source="trainer")


def job_of(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    models: list[Artifact],
    settings: dict[str, Any],
    *,
    named_files: str = "",
) -> TrainingJob:
    """The job that the executor would start."""
    jobs: list[TrainingJob] = []
    monkeypatch.setattr(executor_module, "_run", jobs.append)
    monkeypatch.setattr(executor_module, "record_files", lambda *_, **__: [])
    inputs = {"examples": [standard_artifacts.Examples()], "taxonomy": [Taxonomy()]}
    outputs = {"model": [standard_artifacts.Model()], "history": [TrainingHistory()]}
    for key, (artifact,) in {**inputs, **outputs}.items():
        artifact.uri = str(root / key)
    properties = {
        "settings": json.dumps(settings),
        "named_files": named_files,
        "manifest": json.dumps({"recipe": "r"}),
        "export_fingerprint": "f",
        "checkpoint_root": str(root / "checkpoints"),
        "code_version": "1",
    }
    Executor().Do({**inputs, "base_model": models}, outputs, properties)
    return jobs[0]


def model_artifact(root: Path, name: str) -> Artifact:
    model = standard_artifacts.Model()
    model.uri = str(root / name)
    exported(Path(path_utils.serving_model_path(model.uri)), model_id=name)
    return model


def test_checkpoints_and_manifest_are_of_the_model_that_training_starts_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (model_artifact(tmp_path, name) for name in ("one", "two"))

    fresh = job_of(tmp_path, monkeypatch, [], WANTED)
    none_found = standard_artifacts.Model()
    none_found.uri = str(tmp_path / "no model was found")
    assert job_of(tmp_path, monkeypatch, [none_found], WANTED) == fresh
    from_first = job_of(tmp_path, monkeypatch, [first], WANTED)
    from_second = job_of(tmp_path, monkeypatch, [second], WANTED)

    assert fresh.settings["base_weights"] == "imagenet"
    assert from_first.settings["base_weights"] == path_utils.serving_model_path(first.uri)
    assert from_first.manifest == {"recipe": training_recipe("r", "f"), "base_model": "one"}
    places = {job.checkpoint_dir for job in (fresh, from_first, from_second)}
    assert len(places) == 3


def test_checkpoints_are_of_what_is_in_the_files_that_settings_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "synonyms.csv"
    settings = {"base_weights": "none", "synonyms": str(table)}

    def place(content: str, **options: str) -> str:
        table.write_text(content)
        return job_of(tmp_path, monkeypatch, [], settings, **options).checkpoint_dir

    assert place("a merge") == place("a merge") != place("a split")
    table.write_text("a merge")
    known = contents(TrainerSettings(synonyms=str(table)).named_files)
    assert place("a merge", named_files=known) == place("a merge")
    with pytest.raises(FieldmarkError) as caught:
        place("a split", named_files=known)
    assert str(caught.value) == (
        "A file of trainer.synonyms was changed after this run began. Give the same command again."
    )


def test_run_finds_its_checkpoints_again_when_only_their_interval_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after, other = (
        job_of(tmp_path, monkeypatch, [], {**WANTED, **changed})
        for changed in ({"checkpoint_secs": 600.0}, {"checkpoint_secs": 60.0}, {"seed": 2})
    )

    assert after.checkpoint_dir == before.checkpoint_dir != other.checkpoint_dir
    assert after.settings["checkpoint_secs"] == 60.0
