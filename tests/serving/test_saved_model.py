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
from tensorflow.core.protobuf import saved_model_pb2
from tiny_world import SIZE_PX, paint, small_model

from schemas.errors import DataError, FieldmarkError
from schemas.taxonomy import Taxonomy
from serving.photo_kinds import NO_BYTES, NO_PHOTO
from serving.prepare_each import NOT_WHOLE
from serving.preprocess import prepare_batch
from serving.saved_model import (
    MAX_SCORE_ERROR,
    _write_graph,
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

    scores = exported.signatures["predict_scores"](image=encoded)["scores"].numpy()
    top = exported.signatures["serving_default"](image=encoded)
    strict = exported.signatures["serve_topk"](image=encoded)
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
    for name in strict:
        np.testing.assert_array_equal(strict[name], top[name])


def test_features_are_what_the_head_sees(
    exported: object, encoded: tf.Tensor, model: keras.Model
) -> None:
    embedded = exported.signatures["embed"](image=encoded)
    scores = exported.signatures["predict_scores"](image=encoded)["scores"]

    features = embedded["features"]
    assert features.shape == (4, 16)
    logits = model.layers[-2](features)
    np.testing.assert_allclose(tf.nn.softmax(logits), scores, atol=1e-5)
    pixels = prepare_batch(encoded, SIZE_PX)
    of_pixels = exported.signatures["serve_pixels"](pixels=pixels)["features"]
    np.testing.assert_allclose(of_pixels, features, atol=1e-5)


def test_model_without_pooled_features_is_refused(taxonomy: Taxonomy, tmp_path: Path) -> None:
    pixels = keras.Input((8, 8, 3), name="photo")
    flat = keras.layers.Dense(5, name="leaves")(keras.layers.Flatten(name="flat")(pixels))
    with pytest.raises(FieldmarkError, match="Received the layers photo, flat, leaves"):
        export_saved_model(
            keras.Model(pixels, flat),
            taxonomy,
            image_size_px=8,
            directory=tmp_path / "flat",
            manifest={},
        )


def test_one_bad_photo_spoils_no_batch(exported: object, encoded: tf.Tensor) -> None:
    """The others are answered as if it were not there; its own row is no answer."""
    good = encoded.numpy().tolist()
    batch = tf.constant([good[0], good[1][: len(good[1]) // 2], good[2], b"<html>", b""])
    reasons = ["", NOT_WHOLE, "", NO_PHOTO, NO_BYTES]
    whole = tf.constant([good[0], good[2]])
    nothing = {"classes": -1, "taxon_ids": 0, "scores": 0, "features": 0}

    for name in ("serving_default", "predict_scores", "embed"):
        given = exported.signatures[name](image=batch)
        expected = exported.signatures[name](image=whole)
        assert [reason.decode() for reason in given.pop("error").numpy()] == reasons, name
        for output, values in given.items():
            rows = values.numpy()
            np.testing.assert_allclose(rows[[0, 2]], expected[output], atol=1e-5)
            assert (rows[[1, 3, 4]] == nothing[output]).all(), output
    with pytest.raises(tf.errors.InvalidArgumentError):
        exported.signatures["serve_topk"](image=batch)


def test_graph_of_the_network_is_held_once(saved_model: Path) -> None:
    graph = saved_model_pb2.SavedModel.FromString((saved_model / "saved_model.pb").read_bytes())

    (meta,) = graph.meta_graphs
    convolutions = [
        node
        for function in meta.graph_def.library.function
        for node in function.node_def
        if node.op == "Conv2D"
    ]
    assert len(convolutions) == 1


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
    assert manifest["signatures"] == [
        "serving_default",
        "predict_scores",
        "embed",
        "serve_pixels",
        "serve_topk",
        "evaluate",
    ]
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

    with pytest.raises(FieldmarkError, match=r"a difference of 0\.0001 in a .* Received: nan"):
        export_saved_model(
            broken, taxonomy, image_size_px=SIZE_PX, directory=directory, manifest={}
        )

    assert model_fingerprint(directory) == model_fingerprint(saved_model)
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def test_export_with_other_weights_is_refused_where_no_leaf_has_much_score(
    taxonomy: Taxonomy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, lost = (nearly_unsure(small_model(seed=seed)) for seed in (1, 2))
    monkeypatch.setattr(
        "serving.saved_model._write_graph", lambda _, *rest: _write_graph(lost, *rest)
    )

    with pytest.raises(FieldmarkError) as error:
        export_saved_model(
            model, taxonomy, image_size_px=SIZE_PX, directory=tmp_path / "model", manifest={}
        )

    assert "The exported model answers otherwise than the trained one" in str(error.value)
    received = float(str(error.value).split("Received: ")[1].split(" ")[0])
    assert received < MAX_SCORE_ERROR


def nearly_unsure(model: keras.Model) -> keras.Model:
    """The same network, each score moved next to where all are equal."""
    *_, kernel, bias = model.weights
    kernel.assign(1e-5 * kernel)
    bias.assign(0 * bias)
    return model


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
