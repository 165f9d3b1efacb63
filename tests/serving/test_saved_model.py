from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_world import SIZE_PX, paint, small_model

from schemas.errors import DataError, FieldmarkError
from schemas.taxonomy import Taxonomy
from serving.saved_model import (
    export_saved_model,
    load_manifest,
    load_model_taxonomy,
    load_weights,
    model_fingerprint,
)


@pytest.fixture(scope="module")
def exported(saved_model: Path) -> object:
    return tf.saved_model.load(str(saved_model))


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> tf.Tensor:
    directory = tmp_path_factory.mktemp("encoded")
    contents = []
    for seed in range(4):
        paint(90 + 10 * seed, 70, seed=seed).save(directory / "photo.jpg", quality=95)
        contents.append((directory / "photo.jpg").read_bytes())
    return tf.constant(contents)


def test_pixels_give_the_models_scores(exported: object, model: keras.Model) -> None:
    pixels = np.random.default_rng(1).uniform(0, 255, (3, SIZE_PX, SIZE_PX, 3)).astype(np.float32)

    scores = exported.signatures["serve_pixels"](pixels=tf.constant(pixels))["scores"]

    assert scores.dtype == tf.float32
    np.testing.assert_allclose(scores, model(pixels, training=False), atol=1e-5)
    np.testing.assert_allclose(scores.numpy().sum(axis=1), 1, atol=1e-5)


def test_weights_come_back_in_the_models_order(saved_model: Path, model: keras.Model) -> None:
    for ours, theirs in zip(load_weights(saved_model), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_export_without_names_of_its_weights_says_so(saved_model: Path, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(saved_model, older)
    (older / "assets.extra" / "weights.json").unlink()
    with pytest.raises(DataError) as error:
        load_weights(older)
    assert str(error.value) == (
        f"{older / 'assets.extra' / 'weights.json'}: is missing: the model was exported before its "
        "weights could be taken again. Train from a newer model, or from a weights file."
    )


def test_all_signatures_agree(exported: object, encoded: tf.Tensor, taxonomy: Taxonomy) -> None:
    labels = tf.constant([0, 4, 2, 1], tf.int64)

    scores = exported.signatures["serving_default"](image=encoded)["scores"].numpy()
    top = exported.signatures["serve_topk"](image=encoded)
    evaluated = exported.signatures["evaluate"](image=encoded, label=labels)

    order = np.argsort(-scores, axis=1, kind="stable")
    np.testing.assert_array_equal(top["classes"], order)
    np.testing.assert_array_equal(top["taxon_ids"], taxonomy.leaf_taxon_ids[order])
    np.testing.assert_allclose(top["scores"], np.take_along_axis(scores, order, axis=1), atol=1e-6)
    np.testing.assert_array_equal(evaluated["topk_classes"], order)
    np.testing.assert_allclose(
        evaluated["label_score"], scores[np.arange(4), labels.numpy()], atol=1e-6
    )
    np.testing.assert_array_equal(
        evaluated["label_rank"], 1 + np.argmax(order == labels.numpy()[:, None], axis=1)
    )
    assert evaluated["label_rank"].dtype == evaluated["topk_classes"].dtype == tf.int64


def test_no_dense_row_leaves_evaluate(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wide = _flat_taxonomy(40)
    directory = tmp_path / "wide"
    export_saved_model(
        small_model(40),
        wide,
        image_size_px=SIZE_PX,
        directory=directory,
        manifest={},
        temperature=0.75,
    )

    shapes = {
        name: spec.shape.as_list()
        for name, spec in tf.saved_model.load(str(directory))
        .signatures["evaluate"]
        .structured_outputs.items()
    }

    assert shapes == {
        "topk_classes": [None, 15],
        "topk_scores": [None, 15],
        "label_rank": [None],
        "label_score": [None],
        "calibrated_label_score": [None],
        "calibrated_top_score": [None],
    }
    assert load_manifest(directory)["temperature"] == 0.75


@pytest.mark.parametrize("label", [-1, 5])
def test_evaluate_refuses_a_label_of_another_taxonomy(
    exported: object, encoded: tf.Tensor, label: int
) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"label must be 0\.\.4"):
        exported.signatures["evaluate"](image=encoded[:1], label=tf.constant([label], tf.int64))


def test_extras_tell_what_the_model_is(saved_model: Path, taxonomy: Taxonomy) -> None:
    manifest = load_manifest(saved_model)

    assert manifest["image_size_px"] == SIZE_PX
    assert manifest["num_leaves"] == 5
    assert manifest["run"] == "r1"
    assert manifest["model_id"] == model_fingerprint(saved_model)[:16]
    assert manifest["signatures"] == ["serving_default", "serve_pixels", "serve_topk", "evaluate"]
    read = load_model_taxonomy(saved_model)
    assert list(read.names) == list(taxonomy.names)
    assert read.leaf_taxon_ids.tolist() == taxonomy.leaf_taxon_ids.tolist()


def test_each_weight_is_written_once(saved_model: Path, model: keras.Model) -> None:
    """Tracking the model in the archive would write them twice."""
    weights_bytes = 4 * model.count_params()

    written = (saved_model / "variables" / "variables.data-00000-of-00001").stat().st_size

    assert weights_bytes <= written < 1.2 * weights_bytes + 1500


def test_same_weights_have_the_same_fingerprint(
    model: keras.Model, saved_model: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    rebuilt = small_model(seed=9)  # other layer names
    rebuilt.set_weights(model.get_weights())
    export_saved_model(
        rebuilt,
        taxonomy,
        image_size_px=SIZE_PX,
        directory=tmp_path / "again",
        manifest={"run": "another"},
    )

    assert model_fingerprint(tmp_path / "again") == model_fingerprint(saved_model)


def test_other_weights_or_size_have_another_fingerprint(
    model: keras.Model, saved_model: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    changed = small_model()
    kernel, *others = changed.get_weights()
    changed.set_weights([kernel + 1e-3, *others])
    exports = {"weights": (changed, SIZE_PX), "size": (model, SIZE_PX + 1)}
    for name, (network, size) in exports.items():
        export_saved_model(
            network, taxonomy, image_size_px=size, directory=tmp_path / name, manifest={}
        )

    fingerprints = {model_fingerprint(tmp_path / name) for name in exports}

    assert len(fingerprints | {model_fingerprint(saved_model)}) == 3


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_exported_in_float32(
    model: keras.Model, saved_model: Path, taxonomy: Taxonomy, tmp_path: Path, dtype: str
) -> None:
    mixed = small_model(dtype=dtype)
    mixed.set_weights(model.get_weights())

    export_saved_model(
        mixed, taxonomy, image_size_px=SIZE_PX, directory=tmp_path / "mixed", manifest={}
    )

    assert model_fingerprint(tmp_path / "mixed") == model_fingerprint(saved_model)
    pixels = tf.random.uniform([2, SIZE_PX, SIZE_PX, 3], 0, 255, seed=0)
    scores = [
        tf.saved_model.load(str(path)).signatures["serve_pixels"](pixels=pixels)["scores"]
        for path in (tmp_path / "mixed", saved_model)
    ]
    np.testing.assert_allclose(*scores, atol=1e-6)


def test_export_refuses_another_taxonomy(taxonomy: Taxonomy, tmp_path: Path) -> None:
    with pytest.raises(FieldmarkError, match=r"Expected 5 outputs\. Received: 3\."):
        export_saved_model(
            small_model(3),
            taxonomy,
            image_size_px=SIZE_PX,
            directory=tmp_path / "export",
            manifest={},
        )


def test_export_refuses_to_have_its_own_keys_given(
    model: keras.Model, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    with pytest.raises(FieldmarkError, match="manifest's num_leaves cannot be given"):
        export_saved_model(
            model,
            taxonomy,
            image_size_px=SIZE_PX,
            directory=tmp_path / "export",
            manifest={"num_leaves": 7},
        )


def test_model_that_gives_no_numbers_is_refused_and_leaves_what_stood_there(
    taxonomy: Taxonomy, saved_model: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "export"
    shutil.copytree(saved_model, directory)
    broken = small_model()
    broken.set_weights([np.full_like(weight, np.nan) for weight in broken.get_weights()])

    with pytest.raises(FieldmarkError, match=r"a difference of 0\.0001 in a score\. Received: nan"):
        export_saved_model(
            broken, taxonomy, image_size_px=SIZE_PX, directory=directory, manifest={}
        )

    assert model_fingerprint(directory) == model_fingerprint(saved_model)
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def test_manifest_faults_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"fieldmark\.json: cannot be read: No such file"):
        load_manifest(tmp_path)
    extras = tmp_path / "assets.extra"
    extras.mkdir()
    (extras / "fieldmark.json").write_text("{")
    with pytest.raises(DataError, match="is not JSON"):
        load_manifest(tmp_path)
    (extras / "fieldmark.json").write_text(json.dumps({"model_id": "x", "num_leaves": 3}))
    with pytest.raises(DataError, match="lacks image_size_px, preprocessing, signatures"):
        load_manifest(tmp_path)
    with pytest.raises(DataError, match="is not a model that Fieldmark exported"):
        model_fingerprint(tmp_path)


def test_export_inside_and_outside_a_strategy(
    saved_model: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    """In a process of its own: devices cannot be split once TensorFlow runs."""
    script = Path(__file__).with_name("export_in_scope.py")
    csv = saved_model / "assets.extra" / "taxonomy.csv"
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{script.parent}"}

    done = subprocess.run(
        [sys.executable, script, csv, tmp_path],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    inside, outside = (model_fingerprint(tmp_path / name) for name in ("inside", "outside"))
    assert inside == outside == model_fingerprint(saved_model)


def _flat_taxonomy(num_leaves: int) -> Taxonomy:
    nodes = num_leaves + 1
    return Taxonomy(
        taxon_ids=np.arange(1, nodes + 1),
        parent_nodes=np.array([-1] + [0] * num_leaves, np.int32),
        rank_levels=np.array([70] + [10] * num_leaves, np.float32),
        leaf_class_ids=np.arange(-1, num_leaves, dtype=np.int32),
        iconic_taxon_ids=np.zeros(nodes, np.int64),
        names=tuple(f"Taxon {node}" for node in range(nodes)),
    )
