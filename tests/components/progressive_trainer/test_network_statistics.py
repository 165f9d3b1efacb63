from __future__ import annotations

import keras
import numpy as np
import pytest

from components.progressive_trainer.config import Network
from components.progressive_trainer.networks import build_network


@pytest.mark.parametrize(
    "name", ["small", "mobilenet_025", "efficientnetv2_b0", "efficientnet_lite0"]
)
def test_running_statistics_follow_a_change_of_photos_within_fifty_steps(name: Network) -> None:
    """Else a stage's first validations judge the network by the photos of the stage before."""
    model = build_network(name, num_leaves=3, base_weights="none")
    backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    normalisation = next(
        layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)
    )
    up_to_it = keras.Model(backbone.input, normalisation.input)
    photos = np.random.default_rng(1).normal(3, 1, (4, 32, 32, 3)).astype(np.float32)
    features = up_to_it(photos)
    for _ in range(50):
        normalisation(features, training=True)
    means = np.mean(features, axis=(0, 1, 2))
    variances = np.var(features, axis=(0, 1, 2))
    lag = np.abs(normalisation.moving_mean.numpy() - means)
    assert lag == pytest.approx(0, abs=float(0.1 * np.abs(means).max()))
    assert normalisation.moving_variance.numpy() == pytest.approx(variances, rel=0.1, abs=0.1)
