"""A model trained in mixed precision, rebuilt to compute in float32.

Half precision pays on the GPU that trains; the CPU that serves, and TFLite, want float32. The
weights of a mixed-precision model are float32 already, so nothing is lost.

    model = full_precision(model)
"""

from __future__ import annotations

from typing import Any

import keras


def full_precision(model: keras.Model) -> keras.Model:
    """Returns the model itself if all its layers compute in float32, else a float32 copy of it.

    Args:
        model: a built model that can be made again from its config; custom layers must be
            registered with `keras.saving.register_keras_serializable`.
    """
    if all(layer.compute_dtype == "float32" for layer in _layers(model)):
        return model
    copy = type(model).from_config(_in_float32(model.get_config()))
    copy.set_weights(model.get_weights())
    return copy


def _layers(model: keras.Model) -> list[keras.Layer]:
    """All layers, nested ones included, that compute in floating point."""
    return [
        layer
        for layer in model._flatten_layers(include_self=False)
        if "float" in str(layer.compute_dtype)
    ]


def _in_float32(config: Any) -> Any:
    """A copy of a Keras config with every floating-point dtype policy made float32."""
    if isinstance(config, dict):
        return {
            key: "float32" if key == "dtype" and _is_float(value) else _in_float32(value)
            for key, value in config.items()
        }
    if isinstance(config, (list, tuple)):
        return type(config)(_in_float32(item) for item in config)
    return config


def _is_float(dtype: Any) -> bool:
    if isinstance(dtype, dict):
        dtype = dtype.get("config", {}).get("name")
    return isinstance(dtype, str) and "float" in dtype
