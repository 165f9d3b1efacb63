from __future__ import annotations

from pathlib import Path

import pytest
from tfx.types import channel_utils, standard_artifacts

from components.artifacts import Taxonomy as TaxonomyArtifact
from components.mobile_exporter.component import MobileExporter
from components.mobile_exporter.config import MobileExportSettings
from components.mobile_exporter.executor import Executor
from components.mobile_exporter.lineage import lineage_of
from schemas.errors import ConfigError
from schemas.settings import load_settings
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import write_taxonomy
from serving.mobile_bundle import load_bundle


def test_settings_defaults() -> None:
    settings = MobileExportSettings()

    assert settings.variants == ("float32", "float16", "dynamic_range_int8")
    assert settings.default_variant == "dynamic_range_int8"
    assert MobileExportSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"variants": []}, "variants: Tuple should have at least 1 item"),
        ({"variants": ["float16", "float16"]}, "variants must differ from one another"),
        (
            {"variants": ["float32"]},
            r"default_variant must be one of variants \(float32\), not dynamic_range_int8",
        ),
        ({"variants": ["int4"]}, "Input should be 'float32', 'float16' or 'dynamic_range_int8'"),
    ],
)
def test_settings_faults(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_settings(MobileExportSettings, values, source="x.yaml")


def test_component_declares_its_bundle_as_a_model() -> None:
    component = MobileExporter(
        model=channel_utils.as_channel([standard_artifacts.Model()]),
        taxonomy=channel_utils.as_channel([TaxonomyArtifact()]),
        settings=MobileExportSettings(),
    )

    assert component.outputs["bundle"].type is standard_artifacts.Model
    assert component.spec.exec_properties["settings"] == MobileExportSettings().model_dump_json()
    assert len(component.spec.exec_properties["code_version"]) == 16


def test_executor_builds_the_bundle_where_a_pusher_looks(
    saved_model: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    model = standard_artifacts.Model()
    model.uri = str(tmp_path / "model")
    Path(model.uri).mkdir()
    (Path(model.uri) / "Format-Serving").symlink_to(saved_model)
    tree = TaxonomyArtifact()
    tree.uri = str(tmp_path / "tree")
    Path(tree.uri).mkdir()
    write_taxonomy(taxonomy, Path(tree.uri) / "taxonomy.csv")
    bundle = standard_artifacts.Model()
    bundle.uri = str(tmp_path / "bundle")
    settings = MobileExportSettings(variants=("float16",), default_variant="float16")

    Executor().Do(
        {"model": [model], "taxonomy": [tree]},
        {"bundle": [bundle]},
        {"settings": settings.model_dump_json(), "code_version": "x"},
    )

    built = load_bundle(tmp_path / "bundle" / "Format-Serving")
    assert built.variants == ("float16",)
    assert built.manifest["lineage"] == {"run": "r1"}
    assert bundle.get_string_custom_property("model_id") == built.manifest["model_id"]
    assert bundle.get_int_custom_property("float16_bytes") == (
        built.model_path("float16").stat().st_size
    )


def test_lineage_is_what_the_trainer_wrote(saved_model: Path) -> None:
    assert lineage_of(saved_model) == {"run": "r1"}
