"""Bundles spoiled on purpose, their hashes set right: the validator refuses each."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from forgery import (
    forge,
    mangled,
    retold,
    retold_taxa,
    swapped_leaves,
    taxonomies,
    taxonomy_rows,
    with_scale_of_nan,
    without_a_leaf,
    without_softmax,
)
from PIL import Image
from tiny_records import jpeg, write_records
from tiny_world import pixels_of, small_model, tiny_export

from components.mobile_validator.comparison import Comparison, compare
from components.mobile_validator.config import MobileValidationSettings
from schemas.taxonomy import Taxonomy
from serving.checked_bundle import load_bundle, load_files
from serving.saved_model_classifier import SavedModelClassifier
from serving.tflite import convert

Validate = Callable[..., Comparison]

SETTINGS = MobileValidationSettings(latency_runs=0, convention_photos=0)


@pytest.fixture(scope="module")
def val_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    directory = tmp_path_factory.mktemp("val")
    return [write_records(directory / "val.gz", [(jpeg(seed), seed % 5) for seed in range(40)])]


@pytest.fixture
def validate(bundle_dir: Path, saved_model: Path, val_files: list[str], tmp_path: Path) -> Validate:
    numbers = count()

    def run(changes: dict[str, bytes], settings: MobileValidationSettings = SETTINGS) -> Comparison:
        forged = forge(bundle_dir, tmp_path / f"forged{next(numbers)}", changes)
        return compare(load_files(forged), saved_model, val_files, settings)

    return run


def every_model(bundle_dir: Path, content: bytes) -> dict[str, bytes]:
    return {path.name: content for path in bundle_dir.glob("*.tflite")}


def test_shuffled_leaf_order(bundle_dir: Path, validate: Validate) -> None:
    report = validate(swapped_leaves(bundle_dir)).report

    assert report["blessed"] is False
    assert "its leaves are not the model's classes, in their order" in report["reasons"][0]


def test_missing_softmax(bundle_dir: Path, validate: Validate) -> None:
    content = without_softmax((bundle_dir / "model_float32.tflite").read_bytes())

    one = validate({"model_float32.tflite": content})
    every = validate(every_model(bundle_dir, content))

    (reason,) = one.report["variants"]["float32"]["reasons"]
    assert "the softmax must be inside" in reason
    assert "float32" not in one.finish.kept
    assert every.report["blessed"] is False
    assert every.finish.default is None


def test_wrong_range(
    bundle_dir: Path, validate: Validate, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    """A model that wants 0..1, as iNaturalist's version 1.0 did, in every file."""
    network = small_model()
    pixels = keras.Input((None, None, 3))
    scores = keras.layers.Rescaling(255.0)(pixels)
    for layer in network.layers[1:]:
        scores = layer(scores)
    wants_0_to_1 = keras.models.clone_model(keras.Model(pixels, scores))
    wants_0_to_1.set_weights(network.get_weights())
    export = tiny_export(wants_0_to_1, taxonomy, tmp_path / "model")

    report = validate(every_model(bundle_dir, convert(export, "float32"))).report

    assert report["blessed"] is False
    assert report["reasons"] == ["No variant passes."]
    for entry in report["variants"].values():
        assert entry["top1_agreement"] < 0.5
        assert entry["reasons"][0].startswith("Top-1 agreement with the server must be at least")


def test_wrong_range_in_the_manifest(
    bundle_dir: Path, saved_model: Path, val_files: list[str], tmp_path: Path
) -> None:
    def to_one(manifest: dict[str, Any]) -> None:
        manifest["input"]["range"] = [0, 1]

    spoiled = load_bundle(retold(bundle_dir, tmp_path / "retold", to_one))

    report = compare(spoiled, saved_model, val_files, SETTINGS).report

    assert report["blessed"] is False
    assert report["reasons"] == [
        "manifest.json has models take 0..1; the apps give 0..255, for the scaling is inside."
    ]


def test_a_taxon_that_is_wrong_in_every_file_alike(bundle_dir: Path, validate: Validate) -> None:
    changes = retold_taxa(bundle_dir, "Strix aluco", parent_taxon_id=40)

    report = validate(changes).report

    assert report["blessed"] is False
    assert report["reasons"][:2] == [
        f"{file} is not the model's tree. Strix aluco (101) has the parent_taxon_id 40, in the "
        "model 20."
        for file in ("taxonomy.csv", "taxonomy.json")
    ]


def test_the_phone_rolls_up_by_the_bundles_tree(bundle_dir: Path, validate: Validate) -> None:
    """The server answers Quercus to 9 of the 40 photos; on the phone it is a class, so nobody's."""
    report = validate(retold_taxa(bundle_dir, "Quercus", rank_level=50)).report

    for name in ("float32", "float16"):
        entry = report["variants"][name]
        assert entry["top1_agreement"] >= 0.97
        assert entry["rollup_agreement"] == 1 - 9 / 40
        (reason,) = entry["reasons"]
        assert reason.startswith("Agreement of rolled-up answers must be at least 0.9000.")


@pytest.mark.parametrize("column", ["parent_taxon_id", "leaf_class_id"])
def test_broken_taxonomy(bundle_dir: Path, validate: Validate, column: str) -> None:
    records = json.loads((bundle_dir / "taxonomy.json").read_text())
    strix = next(record for record in records if record["name"] == "Strix aluco")
    strix[column] = None if column == "leaf_class_id" else 999

    report = validate({"taxonomy.json": json.dumps(records).encode()}).report

    assert report["blessed"] is False
    assert f"column {column}" in report["reasons"][0]
    assert "taxonomy.json" in report["reasons"][0]


@pytest.mark.parametrize(
    ("row", "broken", "words"),
    [
        ("20,101,10,2,", "999,101,10,2,", "999 has no row"),
        (",47126,70,,", "40,47126,70,,", "taxon 47126 is below itself or below a loop"),
        ("20,101,10,2,", "20,101,10,,", "must stand on every childless taxon"),
    ],
)
def test_broken_android_taxonomy(
    bundle_dir: Path, validate: Validate, row: str, broken: str, words: str
) -> None:
    text = (bundle_dir / "taxonomy.csv").read_text().replace(row, broken)

    found = validate({"taxonomy.csv": text.encode()})

    assert found.report["blessed"] is False
    assert words in found.report["reasons"][0]
    assert found.report["reasons"][-1] == "No variant passes."
    assert found.report["photos"] == 40
    for entry in found.report["variants"].values():
        assert entry["reasons"] == ["The apps cannot name what it answers by such a taxonomy.csv."]
    assert found.finish.default is None


def test_a_leaf_that_is_left_out_of_every_file_alike(
    bundle_dir: Path, saved_model: Path, val_files: list[str], tmp_path: Path
) -> None:
    def one_less(manifest: dict[str, Any]) -> None:
        manifest["num_leaves"], manifest["output"]["shape"] = 4, [1, 4]

    rows = [row for row in taxonomy_rows(bundle_dir) if row["name"] != "Strigina"]
    labels = (bundle_dir / "labels.txt").read_bytes().replace(b"Strigina\n", b"")
    changes = {**taxonomies(rows), "labels.txt": labels}
    forged = retold(forge(bundle_dir, tmp_path / "forged", changes), tmp_path / "told", one_less)

    report = compare(load_bundle(forged), saved_model, val_files, SETTINGS).report

    assert report["blessed"] is False
    assert report["reasons"][0] == (
        "taxonomy.csv: its leaves are not the model's classes, in their order."
    )


FULL_INT8 = "model_full_int8.tflite"

MANGLED = {
    "signs turned round": (mangled, "Top-1 agreement with the server must be at least"),
    "a leaf zeroed": (partial(without_a_leaf, leaf=1), "Top-1 agreement with the server must be"),
    "a scale of NaN": (partial(with_scale_of_nan, leaf=1), "is not a TFLite model that runs here"),
}


@pytest.mark.parametrize("fault", MANGLED)
def test_mangled_quantisation_is_left_out_by_itself(
    bundle_dir: Path, validate: Validate, fault: str
) -> None:
    spoil, words = MANGLED[fault]

    found = validate({FULL_INT8: spoil((bundle_dir / FULL_INT8).read_bytes())})

    entry = found.report["variants"]["full_int8"]
    assert entry["passed"] is False
    assert words in entry["reasons"][0]
    assert found.report["blessed"] is True
    assert found.finish.kept == ["float32", "float16", "dynamic_range_int8"]
    assert found.finish.default in found.finish.kept


@pytest.mark.parametrize(
    ("fault", "strict"),
    [
        ("a leaf zeroed", {"default_variant": "full_int8"}),
        ("a scale of NaN", {"failing_variants": "refuse"}),
    ],
)
def test_mangled_quantisation_refuses_the_bundle_if_asked(
    bundle_dir: Path, validate: Validate, fault: str, strict: dict[str, str]
) -> None:
    spoil, _ = MANGLED[fault]
    spoiled = {FULL_INT8: spoil((bundle_dir / FULL_INT8).read_bytes())}

    found = validate(spoiled, SETTINGS.model_copy(update=strict))

    assert found.report["blessed"] is False
    assert "full_int8" in found.report["reasons"][0]
    assert "full_int8" not in found.finish.kept


def test_a_leaf_that_a_variant_lost_is_a_broken_taxon(
    bundle_dir: Path, saved_model: Path, tmp_path: Path
) -> None:
    """On photos that the server names rightly: what one leaf of many would be to the other bars."""
    photos = [jpeg(seed) for seed in range(40)]
    first = (
        SavedModelClassifier(saved_model)
        .scores(np.stack([pixels_of(Image.open(io.BytesIO(photo))) for photo in photos]))
        .argmax(axis=1)
    )
    named = write_records(tmp_path / "val.gz", list(zip(photos, first.tolist(), strict=True)))
    changes = {FULL_INT8: without_a_leaf((bundle_dir / FULL_INT8).read_bytes(), leaf=1)}
    forged = load_bundle(forge(bundle_dir, tmp_path / "forged", changes))
    blind = SETTINGS.model_copy(
        update={
            "min_top1_agreement_int8": 0,
            "min_top5_agreement": 0,
            "min_rollup_agreement": 0,
            "max_accuracy_drop": 1,
        }
    )
    seeing = blind.model_copy(update={"max_broken_taxa": 0})

    unseen = compare(forged, saved_model, [named], blind).report["variants"]["full_int8"]
    seen = compare(forged, saved_model, [named], seeing).report["variants"]["full_int8"]

    assert unseen["passed"] is True
    assert unseen["broken_taxa"] == 1
    assert unseen["worst_taxa"][0]["name"] == "Quercus alba"
    assert seen["reasons"] == ["At most 0 taxa may be named worse, beyond chance. Received: 1."]
