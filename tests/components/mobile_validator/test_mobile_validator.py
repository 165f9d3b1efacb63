from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.components.util import model_utils
from tfx.types import channel_utils, standard_artifacts
from tiny_world import paint, small_model, tiny_bundle, tiny_export

from components.artifacts import MobileReport
from components.mobile_validator.comparison import compare
from components.mobile_validator.component import MobileValidator
from components.mobile_validator.config import MobileValidationSettings
from components.mobile_validator.executor import Executor
from components.mobile_validator.labelled_photos import labelled_photos
from schemas.errors import ConfigError, DataError
from schemas.taxonomy import Taxonomy
from serving.mobile_bundle import load_bundle
from serving.prepare_file import prepare_file

PHOTOS = 40
SETTINGS = MobileValidationSettings()


def write_records(path: Path, photos: list[tuple[bytes, int]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for photo_id, (image, label) in enumerate(photos):
            feature = {
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
                "photo_id": tf.train.Feature(int64_list=tf.train.Int64List(value=[photo_id])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())
    return str(path)


def jpeg(seed: int) -> bytes:
    buffer = io.BytesIO()
    paint(50, 40, seed=seed).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def photos() -> list[tuple[bytes, int]]:
    return [(jpeg(seed), seed % 5) for seed in range(PHOTOS)]


@pytest.fixture(scope="session")
def files(photos: list[tuple[bytes, int]], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    directory = tmp_path_factory.mktemp("transformed") / "Split-val"
    half = PHOTOS // 2
    return [
        write_records(directory / "transformed_examples-00000-of-00002.gz", photos[:half]),
        write_records(directory / "transformed_examples-00001-of-00002.gz", photos[half:]),
    ]


@pytest.fixture(scope="session")
def other_bundle(taxonomy: Taxonomy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("other")
    export = tiny_export(small_model(seed=8), taxonomy, directory / "model")
    return tiny_bundle(export, taxonomy, directory / "bundle")


@pytest.fixture
def forged(bundle_dir: Path, other_bundle: Path, tmp_path: Path) -> Path:
    """A bundle whose int8 file holds another model, its hashes set right."""
    directory = Path(shutil.copytree(bundle_dir, tmp_path / "forged"))
    name = "model_dynamic_range_int8.tflite"
    shutil.copy(other_bundle / name, directory / name)
    manifest = json.loads((directory / "manifest.json").read_text())
    others = json.loads((other_bundle / "manifest.json").read_text())
    manifest["files"][name] = others["files"][name]
    (directory / "manifest.json").write_text(json.dumps(manifest))
    return directory


def test_photos_stream_in_batches_as_a_client_makes_them(
    files: list[str], photos: list[tuple[bytes, int]], tmp_path: Path
) -> None:
    (tmp_path / "first.jpg").write_bytes(photos[0][0])

    batches = list(labelled_photos(files, size_px=32, batch_size=16, max_photos=None))

    assert [len(labels) for _, labels in batches] == [16, 16, 8]
    assert np.concatenate([labels for _, labels in batches]).tolist() == [p[1] for p in photos]
    np.testing.assert_allclose(
        batches[0][0][0], prepare_file(tmp_path / "first.jpg", 32), atol=0.01
    )


def test_max_photos_ends_the_stream(files: list[str]) -> None:
    batches = list(labelled_photos(files, size_px=32, batch_size=16, max_photos=20))

    assert [len(labels) for _, labels in batches] == [16, 4]


@pytest.mark.parametrize("fault", ["no photo", "no record"])
def test_unreadable_records_are_named(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "bad.gz"
    if fault == "no photo":
        write_records(path, [(b"no photo", 0)])
    else:
        path.write_bytes(b"no gzip at all, but long enough")

    with pytest.raises(DataError, match=r"bad\.gz: a record is no transformed photo: "):
        list(labelled_photos([str(path)], size_px=32, batch_size=4, max_photos=None))


def test_sound_bundle_is_blessed(bundle_dir: Path, saved_model: Path, files: list[str]) -> None:
    report = compare(load_bundle(bundle_dir), saved_model, files, SETTINGS)

    assert report["blessed"] is True
    assert list(report["variants"]) == ["float32", "float16", "dynamic_range_int8"]
    for entry in report["variants"].values():
        assert entry["photos"] == PHOTOS
        assert entry["passed"]
        assert entry["reasons"] == []
        assert entry["top1_agreement"] >= 0.95
        assert entry["server_accuracy"] - entry["variant_accuracy"] == pytest.approx(
            entry["accuracy_drop"]
        )
    assert report["variants"]["float32"]["largest_score_error"] < 1e-4
    json.dumps(report, allow_nan=False)


def test_one_failing_variant_withholds_the_blessing(
    forged: Path, saved_model: Path, files: list[str]
) -> None:
    report = compare(load_bundle(forged), saved_model, files, SETTINGS)

    assert report["blessed"] is False
    passed = {variant: entry["passed"] for variant, entry in report["variants"].items()}
    assert passed == {"float32": True, "float16": True, "dynamic_range_int8": False}
    (agreement, *_) = report["variants"]["dynamic_range_int8"]["reasons"]
    assert agreement.startswith(
        "Top-1 agreement with the server must be at least 0.9500. Received: 0."
    )
    assert "short by 0." in agreement


def test_each_bar_can_be_set(forged: Path, saved_model: Path, files: list[str]) -> None:
    lenient = MobileValidationSettings(min_top1_agreement_int8=0, max_accuracy_drop=1)

    assert compare(load_bundle(forged), saved_model, files, lenient)["blessed"] is True


def test_no_photo_is_an_error_not_a_pass(
    bundle_dir: Path, saved_model: Path, tmp_path: Path
) -> None:
    empty = write_records(tmp_path / "empty.gz", [])

    with pytest.raises(DataError, match=r"empty\.gz: has no photo in the split 'val'"):
        compare(load_bundle(bundle_dir), saved_model, [empty], SETTINGS)
    with pytest.raises(DataError, match="examples: has no photo in the split 'val'"):
        compare(load_bundle(bundle_dir), saved_model, [], SETTINGS)


def test_label_of_another_taxonomy(bundle_dir: Path, saved_model: Path, tmp_path: Path) -> None:
    path = write_records(tmp_path / "val.gz", [(jpeg(0), 5)])

    with pytest.raises(
        DataError, match=r"not a leaf class of the model, 0\.\.4\. Received: 5\.\.5"
    ):
        compare(load_bundle(bundle_dir), saved_model, [path], SETTINGS)


def test_bundle_of_another_model(other_bundle: Path, saved_model: Path, files: list[str]) -> None:
    with pytest.raises(DataError, match="is the bundle of another model"):
        compare(load_bundle(other_bundle), saved_model, files, SETTINGS)


def test_progress_is_told(
    bundle_dir: Path,
    saved_model: Path,
    files: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIELDMARK_EVENTS", str(tmp_path / "events"))

    compare(load_bundle(bundle_dir), saved_model, files, SETTINGS)

    last = json.loads((tmp_path / "events").read_text().splitlines()[-1])
    assert (last["label"], last["done"]) == ("photos compared", PHOTOS)


def artifacts(saved_model: Path, bundle: Path, files: list[str], tmp_path: Path) -> dict[str, Any]:
    examples = standard_artifacts.Examples()
    examples.uri = str(Path(files[0]).parents[1])
    examples.split_names = '["train", "val"]'
    inputs = {"examples": [examples]}
    for key, directory in {"model": saved_model, "bundle": bundle}.items():
        artifact = standard_artifacts.Model()
        artifact.uri = str(tmp_path / key)
        Path(artifact.uri).mkdir()
        (Path(artifact.uri) / "Format-Serving").symlink_to(directory)
        inputs[key] = [artifact]
    return inputs


def outputs(tmp_path: Path) -> dict[str, Any]:
    blessing, report = standard_artifacts.InfraBlessing(), MobileReport()
    blessing.uri, report.uri = str(tmp_path / "blessing"), str(tmp_path / "report")
    return {"blessing": [blessing], "report": [report]}


@pytest.mark.parametrize("sound", [True, False])
def test_executor_blesses_as_the_pusher_reads(
    bundle_dir: Path,
    forged: Path,
    saved_model: Path,
    files: list[str],
    tmp_path: Path,
    sound: bool,
) -> None:
    inputs = artifacts(saved_model, bundle_dir if sound else forged, files, tmp_path)
    produced = outputs(tmp_path)

    Executor().Do(inputs, produced, {"settings": SETTINGS.model_dump_json(), "code_version": "x"})

    assert model_utils.is_infra_validated(produced["blessing"][0]) is sound
    assert [path.name for path in (tmp_path / "blessing").iterdir()] == [
        "INFRA_BLESSED" if sound else "INFRA_NOT_BLESSED"
    ]
    report = json.loads((tmp_path / "report" / "mobile_report.json").read_text())
    assert report["blessed"] is sound


def test_executor_names_the_splits_there_are(
    bundle_dir: Path, saved_model: Path, files: list[str], tmp_path: Path
) -> None:
    settings = MobileValidationSettings(split="test")

    with pytest.raises(ConfigError, match=r"Allowed: train, val\. Received: 'test'"):
        Executor().Do(
            artifacts(saved_model, bundle_dir, files, tmp_path),
            outputs(tmp_path),
            {"settings": settings.model_dump_json(), "code_version": "x"},
        )


def test_component_channels() -> None:
    model = channel_utils.as_channel([standard_artifacts.Model()])
    component = MobileValidator(
        bundle=model,
        model=model,
        examples=channel_utils.as_channel([standard_artifacts.Examples()]),
        settings=SETTINGS,
    )

    assert component.outputs["blessing"].type is standard_artifacts.InfraBlessing
    assert component.outputs["report"].type is MobileReport
    assert component.spec.exec_properties["settings"] == SETTINGS.model_dump_json()
