"""What one photo costs: floating-point operations, counted on the network's own graph.

    flops_per_photo("efficientnetv2_b0", num_leaves=100, image_size_px=224)     # 1.46e9

A multiplication and an addition are two operations. Training costs about three times a forward
pass: one forward, two for the gradients of features and of weights.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from components.progressive_trainer.config import Network
from components.progressive_trainer.networks import build_network

TRAINING_FACTOR = 3.0
"""A training step on a photo, in forward passes."""


class FlopCounter:
    """Counts the operations of one network at any size.

    Args:
        network: one of `Network`.
        num_leaves: N.
        head_rank: of a low-rank head; None for a full one.

    Attributes:
        model: the network.
    """

    def __init__(self, network: Network, *, num_leaves: int, head_rank: int | None = None) -> None:
        self.model: keras.Model = build_network(
            network, num_leaves=num_leaves, base_weights="none", head_rank=head_rank
        )

    def forward(self, image_size_px: int) -> int:
        """Returns the operations of one photo's forward pass at a size."""
        size = image_size_px
        function = tf.function(self._forward, autograph=False).get_concrete_function(
            tf.TensorSpec([1, size, size, 3], tf.float32)
        )
        builder = tf.compat.v1.profiler.ProfileOptionBuilder
        options = builder(builder.float_operation()).with_empty_output().build()
        profile = tf.compat.v1.profiler.profile(graph=function.graph, options=options)
        return int(profile.total_float_ops)

    def training(self, image_size_px: int) -> float:
        """Returns the operations of one photo in training."""
        return TRAINING_FACTOR * self.forward(image_size_px)

    def _forward(self, images: tf.Tensor) -> tf.Tensor:
        return self.model(images, training=False)
