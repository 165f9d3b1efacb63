"""A step of training and a step of validation, over all replicas, and their losses.

A step gives sums over the global batch, which stay on the first replica's device: nothing waits for
them. The sums of all replicas are taken in one collective operation, together with the question
whether any process was asked to stop.

    steps = Steps(model, optimizer, devices)
    step = steps.training(stage)                # traced once a stage
    loss, hits, stops = step(images, labels, rate, dropout, seed, stop)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.progressive_trainer.accumulation import Learned, in_parts, slower_averages
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.head import LEAVES
from components.progressive_trainer.hits import top_hits
from components.progressive_trainer.leaf_weights import weigh
from components.progressive_trainer.learning_part import LearningPart
from components.progressive_trainer.mixing import Mixed, mix
from components.progressive_trainer.optimizers import set_learning_rate
from components.progressive_trainer.sampled_softmax import draw_leaves, sampled_crossentropy
from components.progressive_trainer.schedule import Stage
from components.progressive_trainer.shared_skip import skipped_by_all_or_none
from components.progressive_trainer.step_context import step_context
from components.progressive_trainer.xla import compiled


class Steps:
    """The steps of one network.

    Args:
        model: from `build_network`.
        optimizer: built for all trainable variables of the model.
        devices: where to run.
        sampled_leaves: leaves drawn for the training loss; None for all of them.
        leaf_weights: float32 [N], what a photo of each leaf counts in training; None: all alike.
        xla: whether the training step is compiled.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        devices: Devices,
        *,
        sampled_leaves: int | None = None,
        leaf_weights: np.ndarray | None = None,
        xla: bool = False,
    ) -> None:
        self._leaf_weights, self._xla = leaf_weights, xla
        self._model, self._optimizer, self._devices = model, optimizer, devices
        self._sampled_leaves = sampled_leaves
        if devices.replicas > 1:
            _synchronise_batch_norm(model)

    def training(self, stage: Stage, *, parts: int = 1) -> Callable[..., Any]:
        """Returns a step that updates the weights.

        Args:
            stage: the stage that it is taken in.
            parts: a replica's photos are computed in so many parts, one after another.

        The step takes (images uint8 [B, S, S, 3], labels int64 [B], learning rate float32, dropout
        float32, seed int32 [2], stop float32, 1 or 0) and gives sums over the global batch: of the
        loss, float32 scalar, and of the hits (see `hits`), float32 [3]; and the number of replicas
        whose process was asked to stop, float32 scalar.
        """
        strategy, rows = self._devices.strategy, stage.global_batch
        local_rows = rows // self._devices.replicas
        part = LearningPart(self._model, stage.trainable)
        variables = part.variables
        is_mixed = stage.mixup > 0 or stage.cutmix > 0

        def learn(
            mixed: Mixed, dropout: tf.Tensor, seed: tf.Tensor, first_row: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            if not is_mixed:  # the losses ask for the same tensor, which compiling makes two of
                mixed = mixed._replace(partner_labels=mixed.labels)

            def learned(mixed: Mixed, first_row: tf.Tensor) -> Learned:
                mixed, weights = self._weighted(mixed)
                with tf.GradientTape() as tape:
                    with step_context(rate=dropout, seed=seed, first_row=first_row, rows=rows):
                        features = part.features(mixed.images)
                    losses, hits = self._losses(mixed, features, stage.label_smoothing, seed)
                    losses = tf.cast(weights, losses.dtype) * losses
                    objective = self._optimizer.scale_loss(tf.reduce_sum(losses) / rows)
                return tape.gradient(objective, variables), losses, hits

            gradients, losses, hits = in_parts(learned, mixed, first_row, parts=parts)
            self._apply(gradients, variables)
            return losses, hits

        learning_step = compiled(learn) if self._xla else learn

        def replica_step(
            images: tf.Tensor, labels: tf.Tensor, dropout: tf.Tensor, seed: tf.Tensor, stop: Any
        ) -> tf.Tensor:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            first_row = tf.cast(replica, tf.int32) * local_rows
            mixed = mix(
                tf.cast(images, tf.float32),
                labels,
                mixup=stage.mixup,
                cutmix=stage.cutmix,
                seed=seed,
                first_row=first_row,
                rows=rows,
            )
            losses, hits = learning_step(mixed, dropout, seed, first_row)
            return _summed(losses, hits, stop)

        @tf.function(autograph=False)
        def step(images: Any, labels: Any, rate: Any, dropout: Any, seed: Any, stop: Any) -> Any:
            # Set here and not before the step: an assignment of its own takes Keras 0.3 ms.
            set_learning_rate(self._optimizer, rate)
            with slower_averages(self._model, parts=parts):
                sums = strategy.run(replica_step, args=(images, labels, dropout, seed, stop))
            return _parts(strategy.experimental_local_results(sums)[0])

        return step

    def validation(self, network: keras.Model) -> Callable[..., Any]:
        """Returns a step that takes (images, labels, weights float32 [B], stop).

        It gives what a training step gives, each photo by its weight.

        Args:
            network: the one that learns, or one of averages of its weights.
        """
        strategy = self._devices.strategy
        logits_of = keras.Model(network.input, network.get_layer(LEAVES).output)

        def replica_step(
            images: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor, stop: tf.Tensor
        ) -> tf.Tensor:
            logits = logits_of(tf.cast(images, tf.float32), training=False)
            losses = smoothed_crossentropy(labels, logits, 0.0)
            hits = top_hits(labels, logits) * weights[:, None]
            return _summed(losses * tf.cast(weights, losses.dtype), hits, stop)

        @tf.function(autograph=False)
        def step(images: Any, labels: Any, weights: Any, stop: Any) -> Any:
            sums = strategy.run(replica_step, args=(images, labels, weights, stop))
            return _parts(strategy.experimental_local_results(sums)[0])

        return step

    def _apply(self, gradients: list[tf.Tensor], variables: list[keras.Variable]) -> None:
        scaled = isinstance(self._optimizer, keras.optimizers.LossScaleOptimizer)
        if scaled and self._devices.replicas > 1:
            gradients = skipped_by_all_or_none(gradients)
        self._optimizer.apply(gradients, variables)

    def _losses(
        self, mixed: Mixed, features: tf.Tensor, smoothing: float, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Losses float [B], hits float32 [B, 3]; of sampled leaves over those that were drawn."""
        leaves = self._model.get_layer(LEAVES)
        if self._sampled_leaves is None:
            logits = leaves(features)
            return mixed_crossentropy(mixed, logits, smoothing), top_hits(mixed.labels, logits)
        drawn = draw_leaves(leaves.units, self._sampled_leaves, seed)
        features = tf.cast(features, tf.float32)
        losses, logits = sampled_crossentropy(
            mixed, features, leaves.kernel, leaves.bias, drawn, smoothing=smoothing
        )
        return losses, top_hits(tf.zeros_like(mixed.labels), logits)

    def _weighted(self, mixed: Mixed) -> tuple[Mixed, tf.Tensor | float]:
        if self._leaf_weights is None:
            return mixed, 1.0
        return weigh(mixed, tf.constant(self._leaf_weights))


def _summed(losses: tf.Tensor, hits: tf.Tensor, stop: tf.Tensor) -> tf.Tensor:
    """float32 [5], the sums over all replicas, on each of them."""
    loss = tf.cast(tf.reduce_sum(losses), tf.float32)
    local = tf.concat([[loss], tf.reduce_sum(hits, axis=0), [stop]], axis=0)
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, local)


def _parts(summed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Loss, hits and stops of what `_summed` put together."""
    return summed[0], summed[1:-1], summed[-1]


def smoothed_crossentropy(labels: tf.Tensor, logits: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Returns float [B]: cross-entropy against labels smoothed evenly over all leaves.

    (1 - s) * CE(label) + s * mean over leaves of CE(leaf), without a one-hot [B, N] table
    (Szegedy et al. 2016).

    Args:
        labels: int64 [B].
        logits: float [B, N].
        smoothing: s, 0 <= s < 1.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    if smoothing == 0:
        return losses
    uniform = tf.reduce_logsumexp(logits, axis=-1) - tf.reduce_mean(logits, axis=-1)
    return (1 - smoothing) * losses + smoothing * uniform


def mixed_crossentropy(mixed: Mixed, logits: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Returns float [B]: the losses against both photos' labels, by their shares of the picture.

    Args:
        mixed: the batch; unmixed photos have a share of 1.
        logits: float [B, N].
        smoothing: as for `smoothed_crossentropy`.
    """
    own = smoothed_crossentropy(mixed.labels, logits, smoothing)
    if mixed.partner_labels is mixed.labels:
        return own
    other = smoothed_crossentropy(mixed.partner_labels, logits, smoothing)
    share = tf.cast(mixed.share, own.dtype)
    return share * own + (1 - share) * other


def _synchronise_batch_norm(layer: keras.Layer) -> None:
    for inner in layer._flatten_layers(include_self=False, recursive=True):
        if isinstance(inner, keras.layers.BatchNormalization):
            inner.synchronized = True
