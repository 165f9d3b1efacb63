"""The Keras 2 file, read as iNaturalist's server reads it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tf_keras

from components.progressive_trainer.config import Network
from components.progressive_trainer.networks import build_network
from components.progressive_trainer.step_context import step_context
from schemas.errors import ConfigError, FieldmarkError
from schemas.taxonomy import Taxonomy
from serving.legacy_model import MAX_SCORE_ERROR, _rebuilt, export_legacy
from serving.legacy_networks import NETWORKS, legacy_backbone
from serving.penultimate import with_features
from serving.same_answers import difference, smooth_pictures
from serving.saved_model import export_saved_model
from serving.saved_model_classifier import SavedModelClassifier

SIZE_PX = 64

READ_AS_THE_SERVER_DOES = ("small", "mobilenet_025", "efficientnet_lite0")
LARGE = [network for network in get_args(Network) if network not in READ_AS_THE_SERVER_DOES]


def network_of(name: str, num_leaves: int, rank: int | None = None) -> keras.Model:
    """A network of the trainer, each of its weights another, so that none can be mistaken."""
    # Of other seeds some deep networks answer by their rounding alone.
    keras.utils.set_random_seed(0)
    model = build_network(name, num_leaves=num_leaves, base_weights="none", head_rank=rank)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        # Small changes: a deep network with wild ones amplifies rounding to any size.
        weight.assign(np.asarray(weight) + rng.uniform(-0.03, 0.03, weight.shape))
    if not name.startswith("efficientnetv2"):
        _fit_statistics(model)
    return model


def exported(directory: Path, taxonomy: Taxonomy, name: str, rank: int | None = None) -> Path:
    """`network_of` a name as a SavedModel."""
    export_saved_model(
        network_of(name, taxonomy.num_leaves, rank),
        taxonomy,
        image_size_px=SIZE_PX,
        directory=directory,
        manifest={"network": name},
    )
    return directory


def _fit_statistics(model: keras.Model) -> None:
    """Without residuals all around, a fresh network's activations fade to nothing."""
    layers = [layer for layer in model._flatten_layers() if hasattr(layer, "moving_mean")]
    for layer in layers:
        layer.momentum = 0.0
    photos = np.random.default_rng(1).uniform(-1, 1, (8, SIZE_PX, SIZE_PX, 3)).astype(np.float32)
    (backbone,) = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    seed, first = tf.constant([1, 2]), tf.constant(0)
    with step_context(rate=tf.constant(0.0), seed=seed, first_row=first, rows=len(photos)):
        backbone(photos, training=True)


def leaves_as_the_server_reads_them(path: Path) -> list[int]:
    """Taxon ids in the order of classes: pandas, columns by name, a walk down from the roots."""
    table = pd.read_csv(path)
    parents = table["parent_taxon_id"].fillna(0).astype(int)
    children = table["taxon_id"].groupby(parents).apply(list).to_dict()
    reached, waiting = [], list(children[0])
    while waiting:
        reached.append(taxon := waiting.pop())
        waiting += children.get(taxon, [])
    assert sorted(reached) == sorted(table["taxon_id"])
    leaves = table[table["leaf_class_id"].notna()].sort_values("leaf_class_id")
    assert leaves["leaf_class_id"].tolist() == list(range(len(leaves)))
    assert not set(leaves["taxon_id"]) & set(children)
    return leaves["taxon_id"].tolist()


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("small", None),
        ("small", 7),
        ("mobilenet_025", None),
        pytest.param("efficientnet_lite0", None, marks=pytest.mark.every_backbone),
    ],
)
def test_five_layers_that_answer_as_the_saved_model_does(
    taxonomy: Taxonomy, tmp_path: Path, name: str, rank: int | None
) -> None:
    saved = exported(tmp_path / "saved", taxonomy, name, rank)

    written = export_legacy(saved, tmp_path / "birds.h5")

    full = tf_keras.models.load_model(str(tmp_path / "birds.h5"), compile=False)
    kinds = [type(layer).__name__ for layer in full.layers]
    assert kinds == ["InputLayer", "Functional", "GlobalAveragePooling2D", "Dense", "Activation"]
    # As iNaturalist's server asks it: scores of the last layer, features of the third.
    layered = tf_keras.Model(full.inputs, [full.layers[-1].output, full.layers[2].output])
    pixels = np.random.default_rng(5).uniform(0, 255, (3, SIZE_PX, SIZE_PX, 3)).astype(np.float32)
    scores, features = layered(pixels / 255, training=False)
    expected_scores, expected_features = SavedModelClassifier(saved).outputs(pixels)
    assert np.ptp(expected_scores, axis=0).max() > 1e-5  # it tells photos apart
    np.testing.assert_allclose(scores, expected_scores, atol=1e-4)
    largest = np.abs(expected_features).max()
    np.testing.assert_allclose(features / largest, expected_features / largest, atol=1e-4)
    assert written.difference.of_changes <= 1e-3
    leaves = leaves_as_the_server_reads_them(tmp_path / "birds_taxonomy.csv")
    assert leaves == taxonomy.leaf_taxon_ids.tolist()
    assert layered(np.zeros((1, 299, 299, 3), np.float32))[0].shape == (1, 5)


def test_inaturalists_own_network_answers_alike_in_both_keras() -> None:
    """The way through the files is the same for each network, and this one's takes long."""
    model = network_of("xception", 5)
    pixels = smooth_pictures(SIZE_PX)
    scores, features = with_features(model)([pixels], training=False)

    rebuilt = _rebuilt("xception", model.get_weights())

    both = tf_keras.Model(rebuilt.inputs, [rebuilt.layers[-1].output, rebuilt.layers[2].output])
    received = [np.asarray(part) for part in both(pixels / 255, training=False)]
    found = difference((np.asarray(scores), np.asarray(features)), (received[0], received[1]))
    assert found.score <= 1e-4
    assert found.of_changes <= 1e-3


def test_what_cannot_be_written_says_why(
    saved_model: Path, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    out = tmp_path / "birds.h5"
    with pytest.raises(ConfigError, match=r"ends in \.h5\. Received: .*birds\.keras"):
        export_legacy(saved_model, tmp_path / "birds.keras")
    with pytest.raises(ConfigError, match=r"does not say which network it is\. Name it with"):
        export_legacy(saved_model, out)
    with pytest.raises(ConfigError, match=r"no Keras 2 form of the network 'resnet'\. Allowed: "):
        export_legacy(saved_model, out, network="resnet")
    with pytest.raises(ConfigError, match=r"The model is no mobilenet_025\. Expected 135 weights"):
        export_legacy(saved_model, out, network="mobilenet_025")
    assert not out.exists()


def flat_taxonomy(num_leaves: int) -> Taxonomy:
    """So many species of one genus."""
    return Taxonomy(
        taxon_ids=np.arange(1, num_leaves + 2),
        parent_nodes=np.array([-1, *num_leaves * [0]], np.int32),
        rank_levels=np.array([20, *num_leaves * [10]], np.float32),
        leaf_class_ids=np.arange(-1, num_leaves, dtype=np.int32),
        iconic_taxon_ids=np.zeros(num_leaves + 1, np.int64),
        names=[f"Strix {number}" for number in range(num_leaves + 1)],
    )


def test_a_file_that_answers_otherwise_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong scaling, and 30,000 leaves of next to no score each, which differ by nothing."""
    saved = exported(tmp_path / "saved", flat_taxonomy(30_000), "small")
    monkeypatch.setattr("serving.legacy_networks._to_range", tf_keras.layers.Rescaling(1.0))

    with pytest.raises(FieldmarkError, match=r"answers otherwise than the SavedModel\. ") as error:
        export_legacy(saved, tmp_path / "birds.h5")

    in_a_score = float(str(error.value).split("Received: ")[1].split(" ")[0])
    assert in_a_score < MAX_SCORE_ERROR
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".h5"] == []


@pytest.mark.every_backbone
@pytest.mark.timeout(1800)  # EfficientNetV2-S, traced by both Keras, on cores that others share
@pytest.mark.parametrize("name", LARGE)
def test_the_large_networks_have_their_weights_in_the_same_order(
    taxonomy: Taxonomy, tmp_path: Path, name: str
) -> None:
    saved = exported(tmp_path / "saved", taxonomy, name)

    found = export_legacy(saved, tmp_path / "large.h5").difference

    assert found.score <= 1e-4
    assert found.of_changes <= 1e-3


def test_every_network_of_the_trainer_has_a_keras_2_form() -> None:
    assert set(NETWORKS) == set(get_args(Network))
    assert legacy_backbone("small").output_shape == (None, None, None, 224)
