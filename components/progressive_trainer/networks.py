"""The networks: a backbone, average pooling, dropout, a head, and a softmax over the leaves.

Every network takes float32 [B, S, S, 3], RGB 0..255, at any size S (the scaling it needs is
inside), and gives float32 [B, N] probabilities: the contract of iNaturalist's phone apps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from components.progressive_trainer.config import Network
from components.progressive_trainer.head import add_head
from components.progressive_trainer.released_weights import (
    fetch_released_weights,
    set_released_weights,
)
from components.progressive_trainer.step_context import StageDropout, StochasticDepth
from schemas.errors import ConfigError, DataError
from serving import efficientnet_lite as lite
from serving.saved_model import is_exported_model

SMALL_WIDTHS = (24, 48, 96, 160, 224)
"""Channels of `small` at 1/2, 1/4, 1/8, 1/16 and 1/32 of the image: 1.2 million weights, plain
convolutions, which a CPU runs faster than depthwise ones of the same accuracy."""

BATCH_NORM_MOMENTUM = 0.9
"""Of the running means and variances, which evaluation uses, this share is kept at a step. At 0.99,
as MobileNet and Xception have it, they lag hundreds of steps behind a network that is being tuned
or that sees photos of a new size; EfficientNetV2 has 0.9 of its own."""


def build_network(
    name: Network, *, num_leaves: int, base_weights: str, head_rank: int | None = None
) -> keras.Model:
    """Returns a network with trainable weights.

    Args:
        name: one of `Network`.
        num_leaves: N, classes of the softmax.
        base_weights: "none", "imagenet", or a file of the backbone's weights: Keras's, without the
            top, or for EfficientNet-Lite a PyTorch state dict (.pth).
            An exported model is set later, by `warm_start`: its classifier goes by taxon.
        head_rank: of a low-rank head; None for a full one.

    Raises:
        ConfigError: if the weights cannot be had, or do not fit the backbone; or if the rank is
            not below the number of features.
    """
    inputs = keras.Input((None, None, 3), name="photo")
    backbone = _load_backbone(name, base_weights)
    features = backbone(_scaled(name, inputs))
    features = keras.layers.GlobalAveragePooling2D(name="pool")(features)
    features = StageDropout(name="dropout")(features)
    logits = add_head(features, num_leaves=num_leaves, rank=head_rank)
    scores = keras.layers.Activation("softmax", dtype="float32", name="scores")(logits)
    return keras.Model(inputs, scores, name=name)


def _scaled(name: str, inputs: keras.KerasTensor) -> keras.KerasTensor:
    """Brings 0..255 to the range that the backbone was made for (EfficientNetV2 does it inside)."""
    if name.startswith("efficientnetv2"):
        return inputs
    if name in lite.SCALINGS:
        return keras.layers.Rescaling(lite.SCALE, offset=lite.OFFSET, name="scale")(inputs)
    return keras.layers.Rescaling(1 / 127.5, offset=-1, name="scale")(inputs)


def _load_backbone(name: str, base_weights: str) -> keras.Model:
    if base_weights == "imagenet" and name == "small":
        raise ConfigError(
            "trainer.base_weights: there are no ImageNet weights of the network 'small'. "
            "Use base_weights 'none' or a weights file, or another network."
        )
    if base_weights == "imagenet":
        with _told_if_not_fetched(name):
            backbone = _BACKBONES[name]("imagenet")
    else:
        backbone = _BACKBONES[name](None)
    if base_weights not in ("none", "imagenet") and not is_exported_model(base_weights):
        _load_weights_file(backbone, name, Path(base_weights))
    return _with_stateless_drops(backbone)


@contextmanager
def _told_if_not_fetched(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # Keras raises no narrower class where an address does not answer.
        if not isinstance(error, OSError | ValueError) and "URL fetch failure" not in str(error):
            raise
        raise ConfigError(
            f"trainer.base_weights: the ImageNet weights of {name} could not be downloaded "
            f"({error}). Without a network, fetch the file elsewhere and give its path."
        ) from error


def _with_stateless_drops(backbone: keras.Model) -> keras.Model:
    """The same network, with stochastic depth that several replicas and a resumed run repeat.

    EfficientNetV2 drops branches by Keras's Dropout, whose draws are a state of each replica's own.
    """
    drops = [layer for layer in backbone.layers if isinstance(layer, keras.layers.Dropout)]
    if not drops:
        return backbone

    def clone(layer: keras.Layer) -> keras.Layer:
        if layer in drops:
            return StochasticDepth(layer.rate, drops.index(layer), name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    cloned = keras.models.clone_model(backbone, clone_function=clone)
    cloned.set_weights(backbone.get_weights())
    return cloned


def _load_weights_file(backbone: keras.Model, name: str, path: Path) -> None:
    if not path.is_file():
        raise ConfigError(
            "trainer.base_weights must be 'none', 'imagenet', the path of a weights file or the "
            f"directory of a pushed model. Received: {str(path)!r}, which is none of them."
        )
    is_released = name in lite.SCALINGS and path.suffix == ".pth"
    try:
        if is_released:
            set_released_weights(backbone, path)
        else:
            backbone.load_weights(str(path))
    except (ValueError, OSError, KeyError, DataError) as error:
        wanted = "as a PyTorch state dict" if is_released else "saved by Keras, include_top=False"
        raise ConfigError(
            f"trainer.base_weights: {path} does not fit the network {name} without its top. "
            f"Give the weights of that backbone, {wanted}. ({str(error).splitlines()[0][:200]})"
        ) from error


def _small(weights: str | None) -> keras.Model:
    del weights  # checked by the caller: there are none
    inputs = keras.Input((None, None, 3))
    features = _conv(inputs, SMALL_WIDTHS[0], stride=2)
    for width in SMALL_WIDTHS[1:]:
        features = _conv(features, width, stride=2)
        shortcut = features
        features = _conv(features, width, stride=1)
        features = keras.layers.Add()([shortcut, features])
    return keras.Model(inputs, features, name="small")


def _conv(features: keras.KerasTensor, width: int, *, stride: int) -> keras.KerasTensor:
    features = keras.layers.Conv2D(
        width, 3, strides=stride, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(features)
    features = keras.layers.BatchNormalization(momentum=0.95)(features)
    return keras.layers.Activation("relu")(features)


def _efficientnet_lite(name: str) -> Callable[[str | None], keras.Model]:
    def drop(features: Any, share: float, branch: int) -> Any:
        return StochasticDepth(share, branch)(features)

    def build(weights: str | None) -> keras.Model:
        photo = keras.Input((None, None, 3))
        features = lite.efficientnet_lite(keras, photo, name, branch_drop=drop)
        backbone = keras.Model(photo, features, name=name)
        if weights == "imagenet":
            set_released_weights(backbone, fetch_released_weights(name))
        return backbone

    return build


def _from_applications(factory: str, **options: object) -> Callable[[str | None], keras.Model]:
    def build(weights: str | None) -> keras.Model:
        backbone = getattr(keras.applications, factory)(
            include_top=False, weights=weights, input_shape=(None, None, 3), **options
        )
        for layer in backbone.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = min(layer.momentum, BATCH_NORM_MOMENTUM)
        return backbone

    return build


_BACKBONES: dict[str, Callable[[str | None], keras.Model]] = {
    "small": _small,
    "mobilenet_025": _from_applications("MobileNet", alpha=0.25),
    "efficientnetv2_b0": _from_applications("EfficientNetV2B0"),
    "efficientnetv2_b1": _from_applications("EfficientNetV2B1"),
    "efficientnetv2_b2": _from_applications("EfficientNetV2B2"),
    "efficientnetv2_b3": _from_applications("EfficientNetV2B3"),
    "efficientnetv2_s": _from_applications("EfficientNetV2S"),
    "xception": _from_applications("Xception"),
    **{name: _efficientnet_lite(name) for name in lite.SCALINGS},
}
