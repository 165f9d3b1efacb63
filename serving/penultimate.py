"""A classifier that also gives what its head sees: the pooled features of a photo.

Photos that look alike to the network have features that lie close together, whatever its leaves:
they serve for search by likeness, for clustering, and for new leaves from few photos.

    both = with_features(model)
    scores, features = both(pixels)  # float [B, N], float [B, C]
"""

from __future__ import annotations

import keras

from schemas.errors import FieldmarkError


def with_features(model: keras.Model) -> keras.Model:
    """Returns the same network with two outputs: scores [B, N] and features [B, C].

    The features are those of its last global average pooling, before dropout and the head (of a
    low-rank head, before its projection).

    Args:
        model: functional, with a GlobalAveragePooling2D among its own layers.

    Raises:
        FieldmarkError: if it has none.
    """
    pools = [
        layer for layer in model.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)
    ]
    if not pools:
        raise FieldmarkError(
            "The model has no features to give. Expected a GlobalAveragePooling2D before its "
            f"head. Received the layers {', '.join(layer.name for layer in model.layers)}."
        )
    return keras.Model(model.inputs, [model.outputs[0], pools[-1].output], name=model.name)
