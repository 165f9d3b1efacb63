"""What learns in a stage: the whole network, its head, or its head and the top of the backbone.

What does not learn answers as in evaluation: no dropout, and BatchNormalization by its running
statistics, which stay as they are. Nothing is set on a layer, so that a later stage may thaw what
this one froze; gradients are not even computed below what learns.

    part = LearningPart(model, "top:0.3")
    with tf.GradientTape() as tape:
        with step_context(...):
            features = part.features(images)        # float32 [B, C], what the last layer sees
    tape.gradient(loss, part.variables)
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from components.progressive_trainer.head import LEAVES, head_layers

TOP = "top:"
"""A stage's `trainable` may be "top:" and the share of the backbone's layers that learn."""


class LearningPart:
    """The part of a network that learns.

    Args:
        model: from `build_network`.
        trainable: "all", "head", or "top:0.3" for the last 30 % of the backbone's layers.

    Attributes:
        variables: what learns, in the order of the network's.
        backbone_layers: how many of the backbone's layers learn, from its top down.
    """

    def __init__(self, model: keras.Model, trainable: str) -> None:
        self._model, self.backbone_layers = model, 0
        learning: list[keras.Layer]
        if trainable == "all":
            whole = keras.Model(model.input, model.get_layer(LEAVES).input)
            self._body, learning = _in(whole, training=True), [model]
            self.backbone_layers = len(_backbone(model).layers)
        elif trainable == "head":
            self._body, learning = self._above_frozen(None), head_layers(model)
        else:
            lower, upper = split_backbone(_backbone(model), float(trainable.removeprefix(TOP)))
            self._body = self._above_frozen((lower, upper))
            learning = [upper, *head_layers(model)]
            self.backbone_layers = len(upper.layers) - 1  # without its input
        self.variables = [v for layer in learning for v in layer.trainable_variables]

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns float [B, C], what the last layer sees in training; needs a step_context.

        Args:
            images: float32 [B, S, S, 3], 0..255.
        """
        return self._body(images)

    def _above_frozen(
        self, halves: tuple[keras.Model, keras.Model] | None
    ) -> Callable[[tf.Tensor], tf.Tensor]:
        model = self._model
        pool, dropout = model.get_layer("pool"), model.get_layer("dropout")
        projections = head_layers(model)[:-1]
        frozen = halves[0] if halves else _backbone(model)
        scale = [layer for layer in model.layers if layer.name == "scale"]

        def body(images: tf.Tensor) -> tf.Tensor:
            for layer in scale:
                images = layer(images)
            features = frozen(images, training=False)
            if halves:
                features = halves[1](features, training=True)
            features = dropout(pool(features), training=True)
            for layer in projections:
                features = layer(features)
            return features

        return body


def learns_more(model: keras.Model, trainable: str, *, before: str) -> bool:
    """Returns whether something learns that did not learn before.

    Args:
        model: from `build_network`.
        trainable: of a stage.
        before: of the stage before it.
    """
    if trainable in (before, "head"):
        return False
    learnt = {id(variable) for variable in LearningPart(model, before).variables}
    return any(id(each) not in learnt for each in LearningPart(model, trainable).variables)


def split_backbone(backbone: keras.Model, top_share: float) -> tuple[keras.Model, keras.Model]:
    """Returns a backbone's lower and upper part, which share its weights.

    It is cut where a single tensor passes, so between blocks and never inside one.

    Args:
        backbone: a functional model of one input and one output, each layer used once.
        top_share: of its layers with weights, 0..1, that the upper part shall have; the nearest
            cut with weights on both sides is taken.
    """
    weighted = [bool(layer.weights) for layer in backbone.layers]
    total = sum(weighted)
    cuts = [
        (abs(sum(weighted[place + 1 :]) / total - top_share), place)
        for place in _single_tensors(backbone)
        if 0 < sum(weighted[place + 1 :]) < total
    ]
    place = min(cuts)[1]
    between = backbone.layers[place].output
    return (
        keras.Model(backbone.input, between, name="lower"),
        keras.Model(between, backbone.output, name="upper"),
    )


def _single_tensors(backbone: keras.Model) -> list[int]:
    """Places of layers whose output is all that the layers after them get from those before."""
    layers = backbone.layers  # in topological order
    last_use: dict[int, int] = {}
    for place, layer in enumerate(layers):
        for tensor in keras.tree.flatten(layer.input):
            last_use[id(tensor)] = place
    found, reach = [], 0
    for place, layer in enumerate(layers[:-1]):
        if reach <= place:
            found.append(place)
        reach = max(reach, last_use[id(layer.output)])
    return found


def _backbone(model: keras.Model) -> keras.Model:
    (backbone,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    return backbone


def _in(model: keras.Model, *, training: bool) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda images: model(images, training=training)
