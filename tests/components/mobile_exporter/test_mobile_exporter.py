from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tfx.types import channel_utils, standard_artifacts
from tiny_records import jpeg, write_records

from components.artifacts import PhotoIndex
from components.artifacts import Taxonomy as TaxonomyArtifact
from components.mobile_exporter.component import MobileExporter
from components.mobile_exporter.config import MobileExportSettings
from components.mobile_exporter.executor import Executor
from components.mobile_exporter.lineage import lineage_of
from components.mobile_exporter.representatives import stratified_draw
from schemas.errors import ConfigError
from schemas.photo_index import IndexRow, index_file, write_index
from schemas.settings import load_settings
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import write_taxonomy
from serving.mobile_bundle import load_bundle


def test_settings_defaults() -> None:
    settings = MobileExportSettings()

    assert settings.variants == ("float32", "float16", "dynamic_range_int8", "full_int8")
    assert MobileExportSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"variants": []}, "variants: Tuple should have at least 1 item"),
        ({"variants": ["float16", "float16"]}, "variants must differ from one another"),
        ({"variants": ["int4"]}, r"a variant is float32, .* or fact<rank>_ .*, not int4"),
        ({"model_name": "My Owls"}, "model_name: String should match pattern"),
    ],
)
def test_settings_faults(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_settings(MobileExportSettings, values, source="x.yaml")


def test_component_declares_its_bundle_as_a_model() -> None:
    component = MobileExporter(
        model=channel_utils.as_channel([standard_artifacts.Model()]),
        taxonomy=channel_utils.as_channel([TaxonomyArtifact()]),
        examples=channel_utils.as_channel([standard_artifacts.Examples()]),
        photo_index=channel_utils.as_channel([PhotoIndex()]),
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
    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = str(tmp_path / "photos"), '["val"]'
    jpegs = [(jpeg(seed), seed % 5) for seed in range(10)]
    write_records(tmp_path / "photos" / "Split-val" / "transformed_examples-0.gz", jpegs)
    index = PhotoIndex()
    index.uri = str(tmp_path / "index")
    write_index([row(n) for n in range(3)], index_file(Path(index.uri), "train", 0, 1))
    settings = MobileExportSettings(
        variants=("float16", "full_int8"), model_name="owls", version="7", representative_photos=5
    )

    Executor().Do(
        {"model": [model], "taxonomy": [tree], "examples": [examples], "photo_index": [index]},
        {"bundle": [bundle]},
        {"settings": settings.model_dump_json(), "code_version": "x"},
    )

    built = load_bundle(tmp_path / "bundle" / "Format-Serving")
    assert built.directory.name == "fieldmark-owls-7"
    assert built.variants == ("float16", "full_int8")
    assert built.manifest["lineage"] == {"run": "r1"}
    assert built.details.training.photos == 3
    assert built.details.training.licences == {"CC-BY": 2, "none": 1}
    assert built.details.training.observers == 2
    assert bundle.get_string_custom_property("model_id") == built.manifest["model_id"]
    assert bundle.get_int_custom_property("float16_bytes") == (
        built.model_path("float16").stat().st_size
    )


def row(number: int) -> IndexRow:
    return IndexRow(
        photo_id=number,
        observation_id=number,
        observation_uuid=None,
        taxon_id=101,
        row_number=number + 2,
        path=f"{number}.jpg",
        photo_url=None,
        sha256="0" * 64,
        phash=number,
        license=None if number == 1 else "CC-BY",
        rights_holder=None,
        observer=f"observer {number % 2}",
    )


@given(labels=st.lists(st.integers(0, 5), max_size=60), count=st.integers(1, 40))
def test_taxa_take_turns(labels: list[int], count: int) -> None:
    given_labels = np.array(labels, np.int64)

    drawn = stratified_draw(given_labels, count, seed=3)

    assert drawn.tolist() == sorted(set(drawn.tolist()))
    assert len(drawn) == min(count, len(labels))
    assert drawn.tolist() == stratified_draw(given_labels, count, seed=3).tolist()
    photos = np.bincount(given_labels, minlength=6)
    taken = np.bincount(given_labels[drawn], minlength=6)
    most = taken.max(initial=0)
    assert all(got >= most - 1 or got == there for got, there in zip(taken, photos, strict=True))


def test_lineage_is_what_the_trainer_wrote(saved_model: Path) -> None:
    assert lineage_of(saved_model) == {"run": "r1"}
