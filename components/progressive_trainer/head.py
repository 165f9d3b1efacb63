"""The head: what turns pooled features into a logit a leaf.

full       dropout, then one kernel [C, N]
low-rank   dropout, a projection [C, R] without a bias, then a kernel [R, N]

With many leaves nearly all weights are the head's: 80,000 leaves on 1,280 features are 102 million
of them, through rank 256 they are 21 million. iNaturalist's phone models are made so ("fact256").

    logits = add_head(features, num_leaves=80_000, rank=256)
    for layer in head_layers(model):
        features = layer(features)
"""

from __future__ import annotations

import keras

from schemas.errors import ConfigError

LEAVES = "leaves"
"""Name of the last layer: a kernel [C or R, N] and a bias [N]."""

PROJECTION = "projection"
"""Name of the low-rank head's first layer: a kernel [C, R]."""


def add_head(
    features: keras.KerasTensor, *, num_leaves: int, rank: int | None
) -> keras.KerasTensor:
    """Returns float [B, N], the logits: float32 under a half-precision policy too, float64 under
    that of the tests that compare replicas.

    Args:
        features: float [B, C], after dropout.
        num_leaves: N.
        rank: R of a low-rank head, or None for a full one.

    Raises:
        ConfigError: if the rank is not below the number of features, so that it would save nothing.
    """
    dtype = keras.backend.result_type("float32", keras.config.dtype_policy().compute_dtype)
    if rank is not None:
        _check_rank(rank, features=int(features.shape[-1]), num_leaves=num_leaves)
        projection = keras.layers.Dense(rank, use_bias=False, name=PROJECTION, dtype=dtype)
        features = projection(features)
    return keras.layers.Dense(num_leaves, name=LEAVES, dtype=dtype)(features)


def head_layers(model: keras.Model) -> list[keras.layers.Dense]:
    """Returns the layers between dropout and softmax, first to last."""
    layers = [model.get_layer(LEAVES)]
    if has_projection(model):
        layers.insert(0, model.get_layer(PROJECTION))
    return layers


def has_projection(model: keras.Model) -> bool:
    """Returns whether a network's head is low-rank."""
    return any(layer.name == PROJECTION for layer in model.layers)


def _check_rank(rank: int, *, features: int, num_leaves: int) -> None:
    if rank >= features:
        raise ConfigError(
            f"trainer.head_rank must be below the {features:,} features of the network, or it "
            f"saves nothing. Received: {rank:,}, for {num_leaves:,} leaves. Lower it (a quarter of "
            "the features is usual), or set it to null for a full head."
        )
