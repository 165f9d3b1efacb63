from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from tiny_world import SIZE_PX, TAXONOMY_CSV

from schemas.errors import ConfigError, DataError
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy
from serving.mobile_bundle import build_bundle, bundle_fingerprint, load_bundle
from serving.mobile_readers import read_android_taxonomy, read_ios_taxonomy, read_labels
from serving.saved_model import load_manifest


@pytest.fixture
def copy(bundle_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_dir, tmp_path / "bundle"))


def test_bundle_is_whole(bundle_dir: Path, taxonomy: Taxonomy) -> None:
    assert sorted(path.name for path in bundle_dir.iterdir()) == [
        "labels.txt",
        "manifest.json",
        "model_dynamic_range_int8.tflite",
        "model_float16.tflite",
        "model_float32.tflite",
        "taxonomy.csv",
        "taxonomy.json",
    ]
    assert [path.name for path in bundle_dir.parent.iterdir()] == ["bundle"]
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
        variants=("float32",),
        default_variant="float32",
        lineage={},
    )

    assert load_bundle(tmp_path / "bundle").manifest["temperature"] == 0.75
    assert "temperature" not in load_bundle(bundle_dir).manifest


def test_manifest_says_how_to_use_the_model(bundle_dir: Path, saved_model: Path) -> None:
    manifest = json.loads((bundle_dir / "manifest.json").read_text())

    assert manifest["model_id"] == load_manifest(saved_model)["model_id"]
    assert manifest["input"]["shape"] == [1, SIZE_PX, SIZE_PX, 3]
    assert manifest["input"]["range"] == [0, 255]
    assert manifest["input"]["colour_order"] == "RGB"
    assert manifest["output"]["shape"] == [1, manifest["num_leaves"]] == [1, 5]
    assert "centre square" in manifest["preprocessing"]["text"]
    assert manifest["default_variant"] == "dynamic_range_int8"
    assert manifest["lineage"] == {"run": "r1"}
    for name, entry in manifest["files"].items():
        content = (bundle_dir / name).read_bytes()
        assert entry == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert manifest["variants"]["float16"] == {
        "file": "model_float16.tflite",
        **manifest["files"]["model_float16.tflite"],
    }


def test_load(bundle_dir: Path, taxonomy: Taxonomy) -> None:
    bundle = load_bundle(bundle_dir)

    assert bundle.variants == ("float32", "float16", "dynamic_range_int8")
    assert bundle.default_variant == "dynamic_range_int8"
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


def test_manifest_faults_are_named(copy: Path) -> None:
    path = copy / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "num_leaves": 6}))
    with pytest.raises(DataError, match=r"taxonomy\.csv: has 5 leaves, the manifest 6"):
        load_bundle(copy)
    del manifest["files"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=r"manifest\.json: lacks files"):
        load_bundle(copy)
    path.write_text("no json")
    with pytest.raises(DataError, match=r"manifest\.json: is not JSON"):
        load_bundle(copy)
    path.unlink()
    with pytest.raises(DataError, match=r"manifest\.json: cannot be read: No such file"):
        load_bundle(copy)


def test_fingerprint_leaves_lineage_out(copy: Path, bundle_dir: Path) -> None:
    path = copy / "manifest.json"
    manifest = json.loads(path.read_text())

    path.write_text(json.dumps({**manifest, "lineage": {"run": "another"}}))
    assert bundle_fingerprint(copy) == bundle_fingerprint(bundle_dir)

    path.write_text(json.dumps({**manifest, "default_variant": "float32"}))
    assert bundle_fingerprint(copy) != bundle_fingerprint(bundle_dir)


def test_only_configured_variants_are_built(
    saved_model: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    build_bundle(
        saved_model,
        tmp_path / "bundle",
        taxonomy=taxonomy,
        variants=("float16",),
        default_variant="float16",
        lineage={},
    )

    assert load_bundle(tmp_path / "bundle").variants == ("float16",)
    assert len(list((tmp_path / "bundle").glob("*.tflite"))) == 1


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
            variants=("float16",),
            default_variant="float16",
            lineage={},
        )

    assert not (tmp_path / "bundle").exists()


def test_build_refuses_a_default_that_is_not_built(
    saved_model: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="default variant must be in the bundle"):
        build_bundle(
            saved_model,
            tmp_path / "bundle",
            taxonomy=taxonomy,
            variants=("float16",),
            default_variant="float32",
            lineage={},
        )
