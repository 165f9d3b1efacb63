from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from forgery import forge, without_softmax
from PIL import Image
from tfx.components.util import model_utils
from tfx.types import channel_utils, standard_artifacts
from tiny_records import jpeg, write_records
from tiny_world import paint, small_model, tiny_bundle, tiny_export

from components.artifacts import MobileReport
from components.mobile_validator.comparison import compare
from components.mobile_validator.component import MobileValidator
from components.mobile_validator.config import MobileValidationSettings
from components.mobile_validator.executor import Executor
from components.mobile_validator.labelled_photos import labelled_photos
from components.mobile_validator.original_photos import original_photos
from components.report.sections.phone import phone_section
from pipeline.summary import _variant_line
from schemas.errors import ConfigError, DataError
from schemas.taxonomy import Taxonomy
from serving.mobile_bundle import load_bundle
from serving.prepare_file import prepare_file
from serving.preprocess_spec import CONVENTIONS

PHOTOS = 40
SETTINGS = MobileValidationSettings(latency_runs=1, latency_threads=(1,))


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
def originals(taxonomy: Taxonomy, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The same photos as a camera stored them, turned by a quarter, and one of another taxon."""
    path = tmp_path_factory.mktemp("raw") / "Split-val" / "data.gz"
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for seed in range(PHOTOS + 1):
            stored = paint(50, 40, seed=seed).transpose(Image.Transpose.ROTATE_90)
            buffer = io.BytesIO()
            stored.save(buffer, "PNG")
            taxon_id = taxonomy.leaf_taxon_ids[seed % 5] if seed < PHOTOS else 999
            writer.write(raw_record(buffer.getvalue(), int(taxon_id), orientation=6))
    return [str(path)]


def raw_record(image: bytes, taxon_id: int, *, orientation: int) -> bytes:
    def number(value: int) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    feature = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        "taxon_id": number(taxon_id),
        "orientation": number(orientation),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def test_originals_are_turned_upright_and_of_the_models_taxa(
    originals: list[str], taxonomy: Taxonomy
) -> None:
    photos = list(original_photos(originals, taxonomy, max_photos=PHOTOS + 1))

    assert [photo.label for photo in photos] == [seed % 5 for seed in range(PHOTOS)]
    painted = np.asarray(paint(50, 40, seed=3))
    np.testing.assert_array_equal(np.asarray(photos[3].picture(upright=True)), painted)
    np.testing.assert_array_equal(np.asarray(photos[3].picture(upright=False)), np.rot90(painted))


@pytest.fixture(scope="session")
def other_bundle(taxonomy: Taxonomy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("other")
    export = tiny_export(small_model(seed=8), taxonomy, directory / "model")
    return tiny_bundle(export, taxonomy, directory / "bundle")


@pytest.fixture
def forged(bundle_dir: Path, other_bundle: Path, tmp_path: Path) -> Path:
    """A bundle whose int8 file holds another model."""
    name = "model_dynamic_range_int8.tflite"
    changes = {name: (other_bundle / name).read_bytes()}
    return forge(bundle_dir, tmp_path / "forged", changes)


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
    found = compare(load_bundle(bundle_dir), saved_model, files, SETTINGS)

    report = found.report
    assert report["blessed"] is True
    assert report["reasons"] == []
    assert list(report["variants"]) == ["float32", "float16", "dynamic_range_int8", "full_int8"]
    for name in ("float32", "float16", "dynamic_range_int8"):
        entry = report["variants"][name]
        assert entry["photos"] == PHOTOS
        assert entry["passed"]
        assert entry["reasons"] == []
        assert entry["top1_agreement"] >= 0.95
        assert entry["server_accuracy"] - entry["variant_accuracy"] == pytest.approx(
            entry["accuracy_drop"]
        )
        low, high = entry["accuracy_drop_interval"]
        assert low <= entry["accuracy_drop"] <= high
        assert entry["largest_sum_error"] < 1e-3
    assert report["variants"]["float32"]["largest_score_error"] < 1e-4
    assert report["visible_taxa"]["fewest_photos"] == 5
    assert report["visible_taxa"]["taxa"] == 5
    json.dumps(report, allow_nan=False)


def test_int8_variants_of_a_calibrated_model_get_temperatures_of_their_own(
    bundle_dir: Path, saved_model: Path, files: list[str], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(bundle_dir, tmp_path / "copy"))
    manifest = copy / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "temperature": 2.0}))

    found = compare(load_bundle(copy), saved_model, files, SETTINGS)

    variants = found.report["variants"]
    assert found.report["temperature"] == 2.0
    assert variants["float32"]["calibration"] is variants["float16"]["calibration"] is None
    assert set(found.finish.temperatures) == {"dynamic_range_int8", "full_int8"}
    for name, temperature in found.finish.temperatures.items():
        fitted = variants[name]["calibration"]
        assert fitted["temperature"] == temperature
        assert 2 / 1.5 - 0.001 <= temperature <= 3.001
        assert fitted["calibrated_log_loss"] <= fitted["network_log_loss"]
        assert found.finish.figures[name].calibration_error == fitted["calibration_error"]


def test_the_smallest_that_passes_is_the_default(
    bundle_dir: Path, saved_model: Path, files: list[str]
) -> None:
    found = compare(load_bundle(bundle_dir), saved_model, files, SETTINGS)

    sizes = {
        name: entry["bytes"] for name, entry in found.report["variants"].items() if entry["passed"]
    }
    assert found.finish.default == min(sizes, key=lambda name: sizes[name])
    assert f"{found.finish.default} is the smallest that passes" in found.report["default_reason"]
    assert list(found.finish.kept) == list(sizes)


def test_times_stand_beside_float32s(bundle_dir: Path, saved_model: Path, files: list[str]) -> None:
    settings = SETTINGS.model_copy(update={"latency_runs": 2, "latency_threads": (1, 2)})

    variants = compare(load_bundle(bundle_dir), saved_model, files, settings).report["variants"]

    for threads in ("1", "2"):
        reference = variants["float32"]["latency"][threads]
        assert reference["ratio_to_float32"] == reference["p95_ratio_to_float32"] == 1.0
        times = variants["full_int8"]["latency"][threads]
        assert 0 < times["p50_ms"] <= times["p95_ms"]
        of_p95 = times["p95_ms"] / reference["p95_ms"]
        assert times["p95_ratio_to_float32"] == pytest.approx(of_p95, abs=5e-4)


def test_every_convention_is_measured_beside_ours(
    bundle_dir: Path, saved_model: Path, files: list[str], originals: list[str]
) -> None:
    report = compare(
        load_bundle(bundle_dir), saved_model, files, SETTINGS, originals=originals
    ).report

    found = report["conventions"]
    assert list(found) == list(CONVENTIONS)
    assert found["fieldmark"]["top1_agreement"] == 1.0
    assert abs(found["fieldmark"]["top1"] - report["server"]["top1"]) < 0.1  # PNG against JPEG
    assert found["android"]["preprocessing"]["transposed"] is True
    for entry in found.values():
        low, high = entry["top1_interval"]
        assert low <= entry["top1"] <= high
        assert entry["photos"] == PHOTOS


def test_a_failing_variant_is_left_out(
    forged: Path, saved_model: Path, files: list[str], tmp_path: Path
) -> None:
    found = compare(load_bundle(forged), saved_model, files, SETTINGS)

    assert found.report["blessed"] is True
    entry = found.report["variants"]["dynamic_range_int8"]
    assert entry["passed"] is False
    (agreement, *_) = entry["reasons"]
    assert agreement.startswith(
        "Top-1 agreement with the server must be at least 0.9500. Received: 0."
    )
    assert "short by 0." in agreement
    assert "dynamic_range_int8" not in found.finish.kept


def test_a_failing_variant_refuses_the_bundle_if_asked(
    forged: Path, saved_model: Path, files: list[str]
) -> None:
    settings = SETTINGS.model_copy(update={"failing_variants": "refuse"})

    report = compare(load_bundle(forged), saved_model, files, settings).report

    assert report["blessed"] is False
    assert "dynamic_range_int8" in report["reasons"][0]
    assert report["reasons"][0].endswith("a variant that misses a bar refuses the bundle.")


def test_a_default_that_was_asked_for_must_pass(
    forged: Path, saved_model: Path, files: list[str]
) -> None:
    settings = SETTINGS.model_copy(update={"default_variant": "dynamic_range_int8"})

    report = compare(load_bundle(forged), saved_model, files, settings).report

    assert report["blessed"] is False
    assert report["reasons"] == [
        "dynamic_range_int8 was asked for (mobile_validation.default_variant), but it misses a bar."
    ]


def test_each_bar_can_be_set(forged: Path, saved_model: Path, files: list[str]) -> None:
    lenient = MobileValidationSettings(
        min_top1_agreement_int8=0,
        min_top5_agreement=0,
        min_rollup_agreement=0,
        max_accuracy_drop=1,
        latency_runs=0,
        convention_photos=0,
    )
    small = lenient.model_copy(update={"max_megabytes": 1e-6})

    passed = compare(load_bundle(forged), saved_model, files, lenient).report
    failed = compare(load_bundle(forged), saved_model, files, small).report

    assert all(entry["passed"] for entry in passed["variants"].values())
    assert passed["conventions"] == {}
    assert failed["blessed"] is False
    assert failed["reasons"] == ["No variant passes."]
    assert failed["variants"]["float32"]["reasons"][0].startswith(
        "The file may have at most 1e-06 MB. Received: 0.0"
    )


@pytest.mark.parametrize(
    ("bar", "words"),
    [
        ({"max_latency_ratio": 1e-4}, "A photo may take at most 0.0001 times float32's time."),
        (
            {"max_p95_latency_ratio": 1e-4},
            "19 of 20 photos may take at most 0.0001 times float32's time.",
        ),
        ({"max_latency_ms": 1e-4}, "A photo may take at most 0.0001 ms."),
    ],
)
def test_a_budget_of_time_refuses_what_is_slower(
    bundle_dir: Path, saved_model: Path, files: list[str], bar: dict[str, float], words: str
) -> None:
    settings = SETTINGS.model_copy(update={**bar, "convention_photos": 0})

    found = compare(load_bundle(bundle_dir), saved_model, files, settings)

    assert found.report["blessed"] is False
    assert found.report["reasons"] == ["No variant passes."]
    for entry in found.report["variants"].values():
        assert entry["reasons"][-1].startswith(f"{words} Received: ")


@pytest.mark.parametrize("bar", ["max_latency_ratio", "max_p95_latency_ratio"])
def test_a_budget_of_time_is_missed_where_float32_cannot_be_run(
    bundle_dir: Path, saved_model: Path, files: list[str], tmp_path: Path, bar: str
) -> None:
    name = "model_float32.tflite"
    broken = without_softmax((bundle_dir / name).read_bytes())
    bundle = load_bundle(forge(bundle_dir, tmp_path / "broken", {name: broken}))
    settings = SETTINGS.model_copy(update={bar: 1000.0, "convention_photos": 0})

    report = compare(bundle, saved_model, files, settings).report

    assert report["blessed"] is False
    assert report["variants"]["float16"]["reasons"][-1].endswith(
        "Received: no time of it, or none of float32, which cannot be run."
    )


@pytest.mark.parametrize(
    ("bar", "message"),
    [
        ("max_latency_ratio", "are ratios to float32's time, which is not measured"),
        ("max_p95_latency_ratio", "are ratios to float32's time, which is not measured"),
        ("max_latency_ms", "with latency_runs at 0 nothing is timed"),
    ],
)
def test_a_budget_of_time_needs_times(
    bundle_dir: Path, saved_model: Path, files: list[str], bar: str, message: str
) -> None:
    settings = SETTINGS.model_copy(update={bar: 1.0, "latency_runs": 0})

    with pytest.raises(ConfigError, match=message):
        compare(load_bundle(bundle_dir), saved_model, files, settings)


@pytest.mark.parametrize(("input_px", "blessed"), [(None, True), (32, True), (299, False)])
def test_the_size_that_apps_expect_is_a_bar(
    bundle_dir: Path, saved_model: Path, files: list[str], input_px: int | None, blessed: bool
) -> None:
    settings = SETTINGS.model_copy(
        update={"input_px": input_px, "latency_runs": 0, "convention_photos": 0}
    )

    report = compare(load_bundle(bundle_dir), saved_model, files, settings).report

    assert report["blessed"] is blessed
    assert report["reasons"] == (
        []
        if blessed
        else [
            "The models must take 299 px (mobile_validation.input_px). Received: 32 px. End the "
            "schedule at 299."
        ]
    )


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


def artifacts(
    saved_model: Path, bundle: Path, files: list[str], originals: list[str], tmp_path: Path
) -> dict[str, Any]:
    inputs = {}
    for key, paths in {"examples": files, "originals": originals}.items():
        examples = standard_artifacts.Examples()
        examples.uri = str(Path(paths[0]).parents[1])
        examples.split_names = '["train", "val"]'
        inputs[key] = [examples]
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
    finished = standard_artifacts.Model()
    finished.uri = str(tmp_path / "finished")
    return {"blessing": [blessing], "report": [report], "finished_bundle": [finished]}


@pytest.mark.parametrize("sound", [True, False])
def test_executor_blesses_as_the_pusher_reads(
    bundle_dir: Path,
    forged: Path,
    saved_model: Path,
    files: list[str],
    originals: list[str],
    tmp_path: Path,
    sound: bool,
) -> None:
    inputs = artifacts(saved_model, bundle_dir if sound else forged, files, originals, tmp_path)
    produced = outputs(tmp_path)
    # The tiny network's full_int8 has no bar of its own to pass here.
    settings = SETTINGS.model_copy(update={"default_variant": "dynamic_range_int8"})

    Executor().Do(inputs, produced, {"settings": settings.model_dump_json(), "code_version": "x"})

    assert model_utils.is_infra_validated(produced["blessing"][0]) is sound
    assert [path.name for path in (tmp_path / "blessing").iterdir()] == [
        "INFRA_BLESSED" if sound else "INFRA_NOT_BLESSED"
    ]
    report = json.loads((tmp_path / "report" / "mobile_report.json").read_text())
    assert report["blessed"] is sound
    finished = load_bundle(tmp_path / "finished" / "Format-Serving")
    assert finished.details.default_variant == ("dynamic_range_int8" if sound else None)
    assert finished.details.validation is not None
    assert finished.details.validation.photos == PHOTOS
    assert len(list((tmp_path / "finished" / "Format-Serving").glob("*.zip"))) == 1


def test_executor_reports_a_taxonomy_that_no_app_can_read(
    bundle_dir: Path, saved_model: Path, files: list[str], originals: list[str], tmp_path: Path
) -> None:
    text = (bundle_dir / "taxonomy.csv").read_bytes().replace(b"20,101,10,2,", b"999,101,10,2,")
    broken = forge(bundle_dir, tmp_path / "broken", {"taxonomy.csv": text})
    produced = outputs(tmp_path)

    Executor().Do(
        artifacts(saved_model, broken, files, originals, tmp_path),
        produced,
        {"settings": SETTINGS.model_dump_json(), "code_version": "x"},
    )

    assert not model_utils.is_infra_validated(produced["blessing"][0])
    assert [path.name for path in (tmp_path / "blessing").iterdir()] == ["INFRA_NOT_BLESSED"]
    report = json.loads((tmp_path / "report" / "mobile_report.json").read_text())
    assert report["blessed"] is False
    assert "taxonomy.csv: 1 fault:" in report["reasons"][0]
    assert phone_section(report).blocks
    assert _variant_line("float16", report["variants"]["float16"]).endswith(
        "cannot be run; The apps cannot name what it answers by such a taxonomy.csv."
    )


def test_executor_names_the_splits_there_are(
    bundle_dir: Path, saved_model: Path, files: list[str], originals: list[str], tmp_path: Path
) -> None:
    settings = MobileValidationSettings(split="test")

    with pytest.raises(ConfigError, match=r"Allowed: train, val\. Received: 'test'"):
        Executor().Do(
            artifacts(saved_model, bundle_dir, files, originals, tmp_path),
            outputs(tmp_path),
            {"settings": settings.model_dump_json(), "code_version": "x"},
        )


def test_component_channels() -> None:
    model = channel_utils.as_channel([standard_artifacts.Model()])
    component = MobileValidator(
        bundle=model,
        model=model,
        examples=channel_utils.as_channel([standard_artifacts.Examples()]),
        originals=channel_utils.as_channel([standard_artifacts.Examples()]),
        settings=SETTINGS,
    )

    assert component.outputs["blessing"].type is standard_artifacts.InfraBlessing
    assert component.outputs["report"].type is MobileReport
    assert component.outputs["finished_bundle"].type is standard_artifacts.Model
    assert component.spec.exec_properties["settings"] == SETTINGS.model_dump_json()
