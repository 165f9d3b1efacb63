"""The wiring: what must hold of the compiled pipeline before anything runs."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.report.page import templates_hash
from pipeline.config import PipelineConfig, load_config
from schemas.errors import ConfigError
from schemas.record import SCHEMA_FILE
from schemas.source_hash import source_hash

# tfx must be imported before tensorflow_data_validation, which create_pipeline sees to.
from pipeline.dag import create_pipeline  # isort: skip

OWN_STEPS = (
    "ExportExampleGen",
    "AnomalyGate",
    "DuplicateGate",
    "Transform",
    "ProgressiveTrainer",
    "Evaluator",
    "MobileExporter",
    "MobileValidator",
    "PushSavedModel",
    "PushMobile",
    "Report",
)


@pytest.fixture(scope="module")
def config(tiny_export: Path, tmp_path_factory: pytest.TempPathFactory) -> PipelineConfig:
    work_dir = tmp_path_factory.mktemp("dag")
    return load_config("demo", overrides=[f"work_dir={work_dir}"], export_dir=str(tiny_export))


@pytest.fixture(scope="module")
def steps(config: PipelineConfig) -> dict[str, object]:
    pipeline = create_pipeline(config, export_fingerprint="f1")
    return {step.id: step for step in pipeline.components}


def test_statistics_are_given_the_schema_whose_image_domain_keeps_photos_out(steps) -> None:
    schema = text_format.Parse(SCHEMA_FILE.read_text(), schema_pb2.Schema())
    (image,) = [feature for feature in schema.feature if feature.name == "image"]
    assert image.HasField("image_domain")
    assert steps["StatisticsGen"].inputs["schema"] is steps["ImportSchemaGen"].outputs["schema"]


def test_training_waits_for_the_anomaly_gate(steps) -> None:
    assert steps["AnomalyGate"] in steps["Transform"].upstream_nodes
    assert steps["Transform"] in steps["ProgressiveTrainer"].upstream_nodes


@pytest.mark.parametrize("step", OWN_STEPS)
def test_code_of_every_step_of_ours_is_in_its_cache_key(step: str, steps) -> None:
    component = importlib.import_module(type(steps[step]).__module__)
    assert steps[step].executor_spec.class_path.rpartition(".")[0] in component.CODE
    code = source_hash(*component.CODE)
    if step == "Report":
        code = hashlib.sha256((code + templates_hash()).encode()).hexdigest()[:16]
    assert steps[step].exec_properties["code_version"] == code


def test_change_of_a_bar_is_told_once_in_the_evaluators_cache_key(steps) -> None:
    properties = steps["Evaluator"].exec_properties
    assert "code_version" in properties["eval_config"]
    assert "lower_bound" in properties["eval_config"]
    assert "min_top1" not in properties["settings"]


def test_photos_are_in_the_cache_key(config: PipelineConfig, steps) -> None:
    assert steps["ExportExampleGen"].exec_properties["export_fingerprint"] == "f1"


def test_phone_bundle_needs_both_blessings(steps) -> None:
    inputs = steps["PushMobile"].inputs
    assert inputs["model_blessing"] is steps["Evaluator"].outputs["blessing"]
    assert inputs["infra_blessing"] is steps["MobileValidator"].outputs["blessing"]
    assert steps["PushSavedModel"].inputs["model_blessing"] is inputs["model_blessing"]


def test_photos_are_stored_at_the_largest_size_of_the_schedule(steps) -> None:
    assert '"stored_size_px": 128' in steps["Transform"].exec_properties["custom_config"]


def test_small_copies_are_for_the_smallest_size_of_the_schedule() -> None:
    journal = "trainer.schedule={preset: {name: journal, epochs: 3}}"
    config = load_config("demo", overrides=[journal], export_dir="x")
    steps = {step.id: step for step in create_pipeline(config, export_fingerprint="f1").components}

    custom_config = json.loads(steps["Transform"].exec_properties["custom_config"])
    assert (custom_config["stored_size_px"], custom_config["small_size_px"]) == (299, 125)


def test_recipe_and_photos_are_known_to_the_steps_that_look_for_pushed_models(steps) -> None:
    looks = steps["LastBlessedModel"].exec_properties
    assert looks["export_fingerprint"] == "f1"
    assert looks["recipe"] in steps["ProgressiveTrainer"].exec_properties["manifest"]
    assert steps["ProgressiveTrainer"].exec_properties["export_fingerprint"] == "f1"
    push_to = steps["PushSavedModel"].exec_properties["push_destination"]
    assert looks["pushed_dir"] in push_to


def test_model_is_compared_with_the_last_blessed_and_starts_from_none_unless_told_to(steps) -> None:
    baseline = steps["LastBlessedModel"].outputs["model"]
    assert steps["Evaluator"].inputs["baseline_model"] is baseline
    assert "base_model" not in steps["ProgressiveTrainer"].inputs
    assert "StartingModel" not in steps


def test_training_starts_from_the_last_pushed_model_of_its_network_where_it_shall() -> None:
    config = load_config("demo", overrides=["trainer.base_weights=last_blessed"], export_dir="x")
    pipeline = create_pipeline(config, export_fingerprint="f1")
    steps = {step.id: step for step in pipeline.components}
    start = steps["StartingModel"]
    assert start.exec_properties["network"] == config.trainer.network
    assert steps["ProgressiveTrainer"].inputs["base_model"] is start.outputs["model"]


def test_pipeline_is_made_without_a_look_at_any_file_that_no_setting_names() -> None:
    config = load_config("demo", overrides=["work_dir=/nowhere"], export_dir="/nowhere/export")
    assert len(create_pipeline(config, export_fingerprint="f1").components) > 10


NAMED = {
    "trainer.synonyms": ("ProgressiveTrainer", "LastBlessedModel", "Report"),
    "trainer.base_weights": ("ProgressiveTrainer", "LastBlessedModel", "Report"),
    "mobile_export.synonyms": ("MobileExporter",),
    "mobile_export.geo_thresholds": ("MobileExporter",),
}


@pytest.mark.parametrize("setting", NAMED)
def test_file_that_is_edited_in_place_changes_the_cache_keys_of_its_steps(
    setting: str, tmp_path: Path
) -> None:
    file = tmp_path / "named"
    config = load_config("demo", overrides=[f"{setting}={file}"], export_dir="x")

    def properties(content: str) -> dict[str, dict[str, object]]:
        file.write_text(content)
        pipeline = create_pipeline(config, export_fingerprint="f1")
        return {step.id: dict(getattr(step, "exec_properties", {})) for step in pipeline.components}

    before, after, again = (properties(content) for content in ("old", "new", "old"))

    assert before == again
    assert {step for step in before if before[step] != after[step]} == set(NAMED[setting])


def test_named_file_that_is_not_there_is_told_before_anything_runs() -> None:
    config = load_config("demo", overrides=["trainer.synonyms=/none.csv"], export_dir="x")
    with pytest.raises(ConfigError) as caught:
        create_pipeline(config, export_fingerprint="f1")
    assert str(caught.value) == (
        "trainer.synonyms: there is no file, and no directory of a pushed model, of this name. "
        "Received: '/none.csv'."
    )


def test_pipeline_without_an_export_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"No export to read\. Give --export DIR"):
        create_pipeline(load_config("demo"), export_fingerprint="")
