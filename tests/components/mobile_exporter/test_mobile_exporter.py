from __future__ import annotations

import gzip
import tempfile
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
from components.mobile_exporter.creators import creators_of
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
        ({"credits": "runs/credits.csv"}, "credits: String should match pattern .*https"),
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
        named_files="",
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
        {"settings": settings.model_dump_json(), "named_files": "", "code_version": "x"},
    )

    built = load_bundle(tmp_path / "bundle" / "Format-Serving")
    assert built.directory.name == "fieldmark-owls-7"
    assert built.variants == ("float16", "full_int8")
    assert built.manifest["lineage"] == {"run": "r1"}
    assert built.details.training.photos == 3
    assert built.details.training.licences == {"CC-BY": 2, "none": 1}
    assert built.details.training.observers == 2
    assert built.details.training.creators == 2
    assert built.details.training.creators_file == "credits.csv.gz"
    assert "2 creators, with their photos by licence, are in credits.csv.gz." in (
        built.directory / "MODEL_CARD.md"
    ).read_text("utf-8")
    assert gzip.decompress((built.directory / "credits.csv.gz").read_bytes()).decode() == (
        '"creator","license","license_url","photos"\n'
        '"Ana, of Évora","CC-BY","https://creativecommons.org/licenses/by/4.0/",2\n'
        '"observer 1",,,1\n'
    )
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
        rights_holder=" " if number == 1 else "Ana, of Évora",
        observer=f"observer {number % 2}",
    )


NAMES = st.sampled_from([None, "", "Ana", " Ana", "Björn"])
LICENCES = st.sampled_from([None, "", "C", "cc by", "CC-BY", "CC0", "of my own"])


@given(photos=st.lists(st.tuples(LICENCES, NAMES, NAMES), max_size=30), cut=st.integers(0, 30))
def test_every_train_photo_is_credited_once_whatever_file_it_stands_in(
    photos: list[tuple[str | None, str | None, str | None]], cut: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            row(n)._replace(license=licence, rights_holder=holder, observer=observer)
            for n, (licence, holder, observer) in enumerate(photos)
        ]
        for number, part in enumerate((rows[:cut], rows[cut:])):
            write_index(part, index_file(Path(folder), "train", number, 2))
        write_index([row(99)], index_file(Path(folder), "val", 0, 1))
        found = creators_of(Path(folder))

    table = found.table.to_pydict()
    assert sum(table["photos"]) == len(photos)
    pairs = list(zip(table["creator"], table["license"], strict=True))
    assert len(set(pairs)) == len(pairs)
    assert set(table["creator"]) <= {None, "Ana", "Björn"}
    assert set(table["license"]) <= {None, "CC-BY", "CC0", "of my own"}
    assert found.creators == len({name for name in table["creator"] if name})


def test_credits_that_are_too_large_are_left_out_and_said_to_be(tmp_path: Path) -> None:
    write_index([row(n) for n in range(3)], index_file(tmp_path, "train", 0, 1))
    found = creators_of(tmp_path)

    content, note = found.packed(1e-5)
    assert content is None
    assert note is not None
    assert note.startswith("credits.csv.gz is left out of the bundle: 2 creators take 0.00 MB.")
    assert found.packed(5.0) == (found.content(), None)
    assert found.packed(0) == (None, None)


def test_an_export_without_credits_gives_no_file(tmp_path: Path) -> None:
    nobody = row(1)._replace(rights_holder=None, observer=None)
    write_index([nobody], index_file(tmp_path, "train", 0, 1))

    assert creators_of(tmp_path).packed(5.0) == (None, None)
    assert creators_of(tmp_path / "empty").packed(5.0) == (None, None)


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
