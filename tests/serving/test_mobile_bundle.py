from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tiny_world import SIZE_PX, TAXONOMY_CSV

from schemas.errors import ConfigError, DataError
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy
from serving.app_contract import model_faults
from serving.bundle_manifest import BundleManifest, Validation, VariantFigures, parse_manifest
from serving.finished_bundle import Finish, finish_bundle
from serving.mobile_bundle import BundleRequest, build_bundle, bundle_fingerprint, load_bundle
from serving.mobile_readers import read_android_taxonomy, read_ios_taxonomy, read_labels
from serving.saved_model import load_manifest

LOW_RANK = "fact2_dynamic_range_int8"


@pytest.fixture
def copy(bundle_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_dir, tmp_path / "copy"))


def test_bundle_is_whole(bundle_dir: Path, taxonomy: Taxonomy) -> None:
    assert sorted(path.name for path in bundle_dir.iterdir()) == [
        "MODEL_CARD.md",
        "labels.txt",
        "manifest.json",
        "model_dynamic_range_int8.tflite",
        "model_float16.tflite",
        "model_float32.tflite",
        "model_full_int8.tflite",
        "taxonomy.csv",
        "taxonomy.json",
    ]
    manifest = json.loads((bundle_dir / "manifest.json").read_text())
    assert bundle_dir.name == f"fieldmark-tiny-{manifest['model_id'][:8]}"
    assert [path.name for path in bundle_dir.parent.iterdir()] == [bundle_dir.name]
    assert read_android_taxonomy(bundle_dir / "taxonomy.csv") == read_ios_taxonomy(
        bundle_dir / "taxonomy.json"
    )
    assert read_labels(bundle_dir / "labels.txt") == taxonomy.leaf_names


def test_temperature_of_a_calibrated_model_is_carried_through(
    bundle_dir: Path, saved_model: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    calibrated = shutil.copytree(saved_model, tmp_path / "model")
    manifest = calibrated / "assets.extra" / "fieldmark.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "temperature": 0.75}))
    build_bundle(
        calibrated,
        tmp_path / "bundle",
        taxonomy=taxonomy,
        request=BundleRequest("tiny", variants=("float32",)),
    )

    assert load_bundle(tmp_path / "bundle").manifest["temperature"] == 0.75
    assert load_bundle(bundle_dir).manifest["temperature"] is None


def test_manifest_says_how_to_use_the_model(bundle_dir: Path, saved_model: Path) -> None:
    manifest = json.loads((bundle_dir / "manifest.json").read_text())

    assert manifest["model_id"] == load_manifest(saved_model)["model_id"]
    assert manifest["input"]["shape"] == [1, SIZE_PX, SIZE_PX, 3]
    assert manifest["input"]["range"] == [0, 255]
    assert manifest["input"]["colour_order"] == "RGB"
    assert manifest["output"]["shape"] == [1, manifest["num_leaves"]] == [1, 5]
    assert "centre square" in manifest["preprocessing_text"]
    assert manifest["preprocessing"]["crop"] == "centre square"
    assert manifest["default_variant"] is None  # nobody has validated it yet
    assert manifest["lineage"] == {"run": "r1"}
    assert manifest["training"]["licences"] == {"CC-BY-NC": 30, "CC0": 10}
    for name, entry in manifest["files"].items():
        content = (bundle_dir / name).read_bytes()
        assert entry == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert manifest["variants"]["float16"] == {
        "file": "model_float16.tflite",
        **manifest["files"]["model_float16.tflite"],
        "quantisation": "weights float16, arithmetic float32",
        "head_rank": None,
        "temperature": None,
        "figures": None,
    }


def test_load(bundle_dir: Path, taxonomy: Taxonomy) -> None:
    bundle = load_bundle(bundle_dir)

    assert bundle.variants == ("float32", "float16", "dynamic_range_int8", "full_int8")
    assert bundle.default_variant == "float32"
    assert load_bundle(bundle_dir.parent).directory == bundle_dir
    assert bundle.image_size_px == SIZE_PX
    assert bundle.taxonomy.leaf_taxon_ids.tolist() == taxonomy.leaf_taxon_ids.tolist()
    assert bundle.model_path("float16") == bundle_dir / "model_float16.tflite"
    with pytest.raises(ConfigError, match=r"Allowed: float32, float16.*Received: 'int4'"):
        bundle.model_path("int4")


def test_changed_file_is_named(copy: Path) -> None:
    path = copy / "model_float16.tflite"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"model_float16\.tflite: is not the file that"):
        load_bundle(copy)


def test_missing_and_added_files_are_named(copy: Path) -> None:
    (copy / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"notes\.txt: is not in the bundle's manifest"):
        load_bundle(copy)
    (copy / "notes.txt").unlink()
    (copy / "labels.txt").unlink()
    with pytest.raises(DataError, match=r"labels\.txt: is missing"):
        load_bundle(copy)


@pytest.mark.parametrize("name", ["../labels.txt", "/etc/labels.txt", "a/b", "..", ".x", "a\\b"])
def test_a_manifest_names_no_file_outside_of_its_bundle(copy: Path, name: str) -> None:
    path = copy / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"][name] = manifest["files"]["labels.txt"]
    path.write_text(json.dumps(manifest))

    with pytest.raises(DataError, match=r"manifest\.json: is no manifest .*String should match"):
        load_bundle(copy)


def test_manifest_faults_are_named(copy: Path) -> None:
    path = copy / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "num_leaves": 6}))
    with pytest.raises(DataError, match=r"manifest\.json: is no manifest .* the shapes are not"):
        load_bundle(copy)
    path.write_text(json.dumps({**manifest, "num_leaves": 6, "output": {"shape": [1, 6]}}))
    with pytest.raises(DataError, match=r"taxonomy\.csv: has 5 leaves, the manifest 6"):
        load_bundle(copy)
    path.write_text(json.dumps({**manifest, "default_variant": "fact64_float16"}))
    with pytest.raises(DataError, match="default variant fact64_float16 is not in the bundle"):
        load_bundle(copy)
    path.write_text(json.dumps({**manifest, "colour": "RGB"}))
    with pytest.raises(DataError, match="colour: Extra inputs are not permitted"):
        load_bundle(copy)
    del manifest["files"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=r"manifest\.json: is no manifest .* files: is missing"):
        load_bundle(copy)
    path.write_text("no json")
    with pytest.raises(DataError, match=r"manifest\.json: is not JSON"):
        load_bundle(copy)
    path.unlink()
    with pytest.raises(DataError, match=r"manifest\.json: cannot be read: No such file"):
        load_bundle(copy)


def test_a_manifest_reads_as_it_was_written(bundle_dir: Path) -> None:
    details = load_bundle(bundle_dir).details

    assert parse_manifest(details.text(), source="x") == details
    schema = BundleManifest.model_json_schema()
    assert schema["properties"]["temperature"]["description"].startswith("What a client raises")


def test_fingerprint_is_of_what_a_phone_answers(copy: Path, bundle_dir: Path) -> None:
    path = copy / "manifest.json"
    manifest = json.loads(path.read_text())

    path.write_text(json.dumps({**manifest, "lineage": {"run": "another"}}))
    assert bundle_fingerprint(copy) == bundle_fingerprint(bundle_dir)

    path.write_text(json.dumps({**manifest, "default_variant": "float32"}))
    assert bundle_fingerprint(copy) != bundle_fingerprint(bundle_dir)


FIGURES = VariantFigures(
    photos=40,
    top1=0.8,
    top5=1.0,
    top1_drop=0.025,
    top1_drop_interval=(-0.03, 0.08),
    top1_agreement=0.95,
    top5_agreement=1.0,
    rollup_agreement=0.9,
    largest_score_error=0.2,
    broken_taxa=1,
)
FINISH = Finish(
    kept=("float16", "full_int8"),
    default="full_int8",
    reason="full_int8 is the smallest that passes, 0.01 MB.",
    figures={"float16": FIGURES, "full_int8": FIGURES},
    validation=Validation(
        report_version=2,
        split="val",
        photos=40,
        server_top1=0.825,
        server_top5=1.0,
        server_rolled_up=0.5,
    ),
)


def test_a_finished_bundle_has_figures_and_holds_together(bundle_dir: Path, tmp_path: Path) -> None:
    path = finish_bundle(load_bundle(bundle_dir), tmp_path / "finished", FINISH)

    bundle = load_bundle(tmp_path / "finished")  # hashes hold
    assert bundle.variants == ("float16", "full_int8")
    assert bundle.default_variant == "full_int8"
    assert bundle.details.variants["float16"].figures == FIGURES
    assert not (path / "model_float32.tflite").exists()
    card = (path / "MODEL_CARD.md").read_text()
    assert "| full_int8 (default) | " in card
    assert "| -2.5 (-8.0 to +3.0) points |" in card
    assert "| CC-BY-NC | 30 |" in card
    assert "40 photos, by 3 observers" in card


def test_validating_again_makes_no_new_bundle(bundle_dir: Path, tmp_path: Path) -> None:
    other = dataclasses.replace(FINISH, figures={}, reason="For another reason.")
    for name, finish in (("one", FINISH), ("two", other)):
        finish_bundle(load_bundle(bundle_dir), tmp_path / name, finish)

    assert bundle_fingerprint(tmp_path / "one") == bundle_fingerprint(tmp_path / "two")
    assert bundle_fingerprint(tmp_path / "one") != bundle_fingerprint(bundle_dir)


def test_a_variants_own_temperature_goes_before_the_networks(
    copy: Path, bundle_dir: Path, tmp_path: Path
) -> None:
    path = copy / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "temperature": 0.75}))
    own = dataclasses.replace(FINISH, temperatures={"full_int8": 0.8})

    for name, finish in (("one", FINISH), ("two", own)):
        finish_bundle(load_bundle(copy), tmp_path / name, finish)

    bundle = load_bundle(tmp_path / "two")
    assert bundle.temperature("full_int8") == 0.8
    assert bundle.temperature("float16") == 0.75
    assert load_bundle(bundle_dir).temperature("float16") is None
    card = (bundle.directory / "MODEL_CARD.md").read_text()
    assert "The temperature is 0.75, 0.8 for full_int8." in card
    assert bundle_fingerprint(tmp_path / "one") != bundle_fingerprint(tmp_path / "two")


def test_a_manifest_of_format_2_is_read(copy: Path) -> None:
    path = copy / "manifest.json"
    manifest = json.loads(path.read_text())
    for entry in manifest["variants"].values():
        del entry["temperature"]
    del manifest["training"]["creators_file"], manifest["training"]["creators"]
    path.write_text(json.dumps({**manifest, "format_version": 2}))

    assert load_bundle(copy).details.training.creators_file is None


def test_the_zip_is_the_directory_and_the_same_every_time(bundle_dir: Path, tmp_path: Path) -> None:
    zips = []
    for name in ("one", "two"):
        path = finish_bundle(load_bundle(bundle_dir), tmp_path / name, FINISH)
        zips.append(tmp_path / name / f"{path.name}.zip")
        os.utime(path / "labels.txt", (0, 0))

    assert zips[0].read_bytes() == zips[1].read_bytes()
    with zipfile.ZipFile(zips[0]) as packed:
        packed.extractall(tmp_path / "unpacked")
    assert load_bundle(tmp_path / "unpacked").default_variant == "full_int8"


def test_only_what_is_asked_for_is_built(
    saved_model: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    synonyms = tmp_path / "synonyms.csv"
    synonyms.write_text("model_taxon_id,parent_taxon_id,taxon_id,rank_level,name\n101,,,,\n")
    request = BundleRequest(
        "owls",
        variants=("float16", LOW_RANK),
        version="1.0",
        synonyms=synonyms,
        geo_thresholds=np.array([0.25, np.nan, np.nan, np.nan, np.nan]),
    )

    path = build_bundle(saved_model, tmp_path / "out", taxonomy=taxonomy, request=request)

    bundle = load_bundle(tmp_path / "out")
    assert path.name == "fieldmark-owls-1.0"
    assert bundle.variants == ("float16", LOW_RANK)
    assert len(list(path.glob("*.tflite"))) == 2
    low_rank = bundle.details.variants[LOW_RANK]
    assert (low_rank.file, low_rank.head_rank) == (f"model_{LOW_RANK}.tflite", 2)
    assert model_faults(bundle, LOW_RANK, taxonomy) == ()
    assert (path / "synonyms.csv").read_text() == synonyms.read_text()
    thresholds = {
        taxon.leaf_class_id: taxon.geo_threshold
        for taxon in read_android_taxonomy(path / "taxonomy.csv")
    }
    assert thresholds == {None: None, 0: 0.25, 1: None, 2: None, 3: None, 4: None}
    assert read_android_taxonomy(path / "taxonomy.csv") == read_ios_taxonomy(path / "taxonomy.json")


def test_build_refuses_another_taxonomy_and_leaves_nothing(
    saved_model: Path, tmp_path: Path
) -> None:
    other = tmp_path / "taxonomy.csv"
    other.write_text(TAXONOMY_CSV.replace("20,101,", "20,999,"))

    with pytest.raises(DataError, match="was trained on another taxonomy: its 5 leaves"):
        build_bundle(
            saved_model,
            tmp_path / "bundle",
            taxonomy=read_taxonomy(other),
            request=BundleRequest("tiny", variants=("float16",)),
        )

    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "model_taxon_id,parent_taxon_id,taxon_id,rank_level,name\nowl,,,,\n",
            r"(?s)synonyms\.csv.*row 2, column model_taxon_id: is not a positive integer",
        ),
        (
            "model_taxon_id,parent_taxon_id,taxon_id,rank_level,name\n101,,,,\n999,,,,\n",
            r"(?s)synonyms\.csv.*row 3, column model_taxon_id: 999 is no taxon of the model",
        ),
        ("model_taxon_id,taxon_id\n101,\n", r"synonyms\.csv, row 1: lacks the columns parent_"),
    ],
)
def test_build_refuses_a_faulty_table_of_synonyms_and_leaves_nothing(
    saved_model: Path, taxonomy: Taxonomy, tmp_path: Path, table: str, message: str
) -> None:
    synonyms = tmp_path / "synonyms.csv"
    synonyms.write_text(table)
    request = BundleRequest("tiny", variants=("float16",), synonyms=synonyms)

    with pytest.raises(DataError, match=message):
        build_bundle(saved_model, tmp_path / "bundle", taxonomy=taxonomy, request=request)

    assert not (tmp_path / "bundle").exists()


def test_build_refuses_full_int8_without_photos(
    saved_model: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="Give representative photos, or leave full_int8 out"):
        build_bundle(
            saved_model,
            tmp_path / "bundle",
            taxonomy=taxonomy,
            request=BundleRequest("tiny", variants=("full_int8",)),
        )
