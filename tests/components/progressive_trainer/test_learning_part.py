from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.progressive_trainer.config import StageSettings
from components.progressive_trainer.learning_part import LearningPart, learns_more, split_backbone
from components.progressive_trainer.networks import build_network
from components.progressive_trainer.step_context import step_context
from schemas.errors import ConfigError
from schemas.settings import load_settings

ONE_OF_EACH_FAMILY = (
    "small",
    "mobilenet_025",
    "efficientnetv2_b0",
    "efficientnet_lite0",
    "xception",
)
SEED = tf.constant([1, 2])
PHOTOS = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)


@pytest.fixture(scope="module", params=ONE_OF_EACH_FAMILY)
def model(request: pytest.FixtureRequest) -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_network(request.param, num_leaves=5, base_weights="none")


def backbone_of(model: keras.Model) -> keras.Model:
    (backbone,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    return backbone


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_every_backbone_is_cut_near_the_share_and_computes_the_same(
    model: keras.Model, share: float
) -> None:
    backbone = backbone_of(model)
    lower, upper = split_backbone(backbone, share)

    counts = [sum(bool(layer.weights) for layer in part.layers) for part in (lower, upper)]
    assert sum(counts) == sum(bool(layer.weights) for layer in backbone.layers)
    assert abs(counts[1] / sum(counts) - share) < 0.12
    ours = {id(variable) for part in (lower, upper) for variable in part.variables}
    assert ours == {id(variable) for variable in backbone.variables}
    np.testing.assert_array_equal(upper(lower(PHOTOS)), backbone(PHOTOS))


@pytest.mark.parametrize(
    ("before", "trainable", "more"),
    [
        ("head", "top:0.5", True),
        ("head", "all", True),
        ("top:0.1", "top:0.5", True),
        ("top:0.5", "all", True),
        ("top:0.1", "top:0.101", False),  # cut at the same place
        ("all", "top:0.5", False),
        ("all", "all", False),
        ("top:0.5", "head", False),
    ],
)
def test_more_learns_where_a_variable_does_that_did_not(
    model: keras.Model, before: str, trainable: str, more: bool
) -> None:
    assert learns_more(model, trainable, before=before) == more


def test_only_the_top_moves_batch_norm_statistics_included() -> None:
    keras.utils.set_random_seed(1)
    model = build_network("mobilenet_025", num_leaves=5, base_weights="none", head_rank=7)
    part = LearningPart(model, "top:0.2")
    _, upper = split_backbone(backbone_of(model), 0.2)
    before = [variable.numpy() for variable in model.variables]
    context = step_context(rate=tf.constant(0.0), seed=SEED, first_row=tf.constant(0), rows=2)

    with tf.GradientTape() as tape, context:
        loss = tf.reduce_sum(part.features(PHOTOS) ** 2)
    tape.gradient(loss, part.variables)

    moved = {
        variable.path
        for variable, old in zip(model.variables, before, strict=True)
        if (variable.numpy() != old).any()
    }
    assert moved == {v.path for v in upper.non_trainable_variables}
    paths = [variable.path for variable in part.variables]
    assert paths[-3:] == ["projection/kernel", "leaves/kernel", "leaves/bias"]
    assert set(paths[:-3]) == {variable.path for variable in upper.trainable_variables}


def test_frozen_network_gives_its_evaluation_features() -> None:
    model = build_network("efficientnetv2_b0", num_leaves=5, base_weights="none")
    evaluated = keras.Model(model.input, model.get_layer("pool").output)(PHOTOS, training=False)
    with step_context(rate=tf.constant(0.0), seed=SEED, first_row=tf.constant(0), rows=2):
        features = LearningPart(model, "head").features(PHOTOS)
    np.testing.assert_allclose(features, evaluated, atol=1e-6)


@pytest.mark.parametrize("value", ["top", "top:0", "top:1", "top:0.0", "top:30%", "backbone"])
def test_part_that_is_none_is_refused(value: str) -> None:
    stage = {"image_size_px": 64, "global_batch": 4, "epochs": 1, "learning_rate": 0.1}
    with pytest.raises(ConfigError) as caught:
        load_settings(StageSettings, {**stage, "trainable": value}, source="stage")
    assert str(caught.value) == (
        "stage: trainable: must be all, head, or top: and a share between 0 and 1, such as "
        f"top:0.3. Received: {value!r}."
    )
