"""The backbones of the trainer in Keras 2, as iNaturalist's server wants them: photos in 0..1.

Each is one flat model from float32 [B, H, W, 3] in 0..1 to a map of features, the scaling it needs
inside. Their layers hold weights of the same shapes in the same order as the trainer's, which is
what `serving.legacy_model` goes by, and proves.

    backbone = legacy_backbone("mobilenet_025")   # tf_keras.Model
"""

from __future__ import annotations

from typing import Any

from schemas.errors import ConfigError
from serving import efficientnet_lite as lite

FACTORIES: dict[str, tuple[str, dict[str, Any]]] = {
    "mobilenet_025": ("MobileNet", {"alpha": 0.25}),
    "efficientnetv2_b0": ("EfficientNetV2B0", {}),
    "efficientnetv2_b1": ("EfficientNetV2B1", {}),
    "efficientnetv2_b2": ("EfficientNetV2B2", {}),
    "efficientnetv2_b3": ("EfficientNetV2B3", {}),
    "efficientnetv2_s": ("EfficientNetV2S", {}),
    "xception": ("Xception", {}),
}
"""Of tf_keras.applications: function and what sets it apart."""

SMALL = "small"
SMALL_WIDTHS = (24, 48, 96, 160, 224)
"""Channels of the trainer's own network, stage by stage."""

NETWORKS = (SMALL, *FACTORIES, *lite.SCALINGS)


def legacy_backbone(name: str) -> Any:
    """Returns a tf_keras.Model, float32 [B, H, W, 3] of 0..1 -> [B, h, w, C], its weights random.

    Args:
        name: of the trainer's network.

    Raises:
        ConfigError: if there is no such network in Keras 2.
    """
    import tf_keras  # seconds, and only this command needs it

    if name not in NETWORKS:
        raise ConfigError(
            f"There is no Keras 2 form of the network {name!r}. Allowed: {', '.join(NETWORKS)}."
        )
    photo = tf_keras.Input((None, None, 3))
    if name == SMALL:
        return tf_keras.Model(photo, _small(_to_range(photo)), name=name)
    if name in lite.SCALINGS:
        scaled = tf_keras.layers.Rescaling(255 * lite.SCALE, offset=lite.OFFSET)(photo)
        return tf_keras.Model(photo, lite.efficientnet_lite(tf_keras, scaled, name), name=name)
    function, options = FACTORIES[name]
    # EfficientNetV2 takes 0..255 and scales inside.
    is_scaled_inside = name.startswith("efficientnetv2")
    scaled = tf_keras.layers.Rescaling(255.0)(photo) if is_scaled_inside else _to_range(photo)
    backbone = getattr(tf_keras.applications, function)(
        include_top=False, weights=None, input_tensor=scaled, **options
    )
    return tf_keras.Model(photo, backbone.output, name=name)


def _to_range(photo: Any) -> Any:
    """0..1 to -1..1."""
    import tf_keras

    return tf_keras.layers.Rescaling(2.0, offset=-1.0)(photo)


def _small(features: Any) -> Any:
    import tf_keras

    features = _conv(features, SMALL_WIDTHS[0], stride=2)
    for width in SMALL_WIDTHS[1:]:
        features = _conv(features, width, stride=2)
        shortcut = features
        features = tf_keras.layers.Add()([shortcut, _conv(features, width, stride=1)])
    return features


def _conv(features: Any, width: int, *, stride: int) -> Any:
    from tf_keras import layers

    features = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(features)
    return layers.Activation("relu")(layers.BatchNormalization()(features))
