"""The training loop: stage after stage over one stream of photos.

It is ours and not Keras's `fit`, because `fit` cannot stop and go on inside an epoch, change
dropout between stages without retracing, or run on several machines with Keras 3. One step is
traced a stage. What it promises:

- loss and gradient are means over the global batch, whatever the number of replicas;
- BatchNormalization is synchronised over replicas;
- at the end of each epoch the network is validated on every val photo, at the stage's size;
- a checkpoint after each epoch, and within one every `checkpoint_secs`; a run started again from
  a checkpoint sees the same photos, augmented in the same way, as one that was never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.mixing import Mixed, mix
from components.progressive_trainer.networks import build_network
from components.progressive_trainer.optimizers import build_optimizer, set_learning_rate
from components.progressive_trainer.photo_stream import training_stream, validation_stream
from components.progressive_trainer.schedule import Stage, learning_rate, stages
from components.progressive_trainer.step_context import step_context
from schemas.events import Meter, emit


@dataclass(frozen=True)
class Photos:
    """The files of a split and how many photos are in them."""

    files: Sequence[str]
    count: int


@dataclass
class _Sums:
    """Sums over the steps since the last record, kept on the device until they are read."""

    loss: Any = 0.0
    correct: Any = 0.0
    examples: int = 0
    data_wait_secs: float = 0.0
    started_secs: float = 0.0


class TrainingLoop:
    """A run of training, from the start or from its last checkpoint.

    Args:
        settings: what to train.
        num_leaves: N.
        train: training photos.
        val: validation photos.
        devices: where to run.
        checkpoints: where the run's checkpoints are kept; None to keep none.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        settings: TrainerSettings,
        *,
        num_leaves: int,
        train: Photos,
        val: Photos,
        devices: Devices,
        checkpoints: Checkpoints | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings, self.train, self.val, self.devices = settings, train, val, devices
        self.plan = stages(settings.schedule, num_photos=train.count)
        self.history: list[dict[str, Any]] = []
        self._partial: dict[str, Any] = {}
        self._checkpoints, self._clock = checkpoints, clock
        for stage in self.plan:
            setting = f"schedule stage {stage.index + 1}"
            devices.check_batch(stage.global_batch, setting=setting)
            if stage.mixup > 0 or stage.cutmix > 0:
                devices.check_pairs(stage.global_batch, setting=setting)
        devices.check_batch(settings.eval_batch, setting="trainer.eval_batch")
        keras.utils.set_random_seed(settings.seed)
        keras.mixed_precision.set_dtype_policy(settings.precision)
        with devices.strategy.scope():
            self.model = build_network(
                settings.network, num_leaves=num_leaves, base_weights=settings.base_weights
            )
            self._logits = keras.Model(self.model.input, self.model.get_layer("leaves").output)
            self._pooled = keras.Model(self.model.input, self.model.get_layer("pool").output)
            self._optimizer = build_optimizer(settings)
            self._optimizer.build(self.model.trainable_variables)
        if devices.replicas > 1:
            _synchronise_batch_norm(self.model)

    @property
    def _variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self._optimizer.variables]

    def run(self) -> None:
        """Trains to the end of the schedule."""
        seen = self._resume()
        meter = Meter("training", total=self.plan[-1].end_examples, unit="photos")
        meter.add(seen)
        for stage in self.plan:
            if seen < stage.end_examples:
                self._run_stage(stage, seen, meter)
                seen = stage.end_examples
        meter.close()

    def _resumed_sums(self) -> _Sums:
        """The sums of an epoch that a checkpoint stopped in, once; else new ones."""
        sums = _Sums(**self._partial)
        sums.started_secs = self._clock() - sums.started_secs
        self._partial = {}
        return sums

    def _resume(self) -> int:
        latest = self._checkpoints.latest() if self._checkpoints else None
        if latest is None:
            return 0
        latest.restore(self._variables)
        self.history, self._partial = latest.history, latest.partial_epoch
        emit("note", text=f"training goes on at photo {latest.examples_seen:,} of the run")
        return latest.examples_seen

    def _run_stage(self, stage: Stage, seen: int, meter: Meter) -> None:
        step, evaluate = self._training_step(stage), self._validation_step()
        batches = self._training_batches(stage, seen)
        sums = self._resumed_sums()
        saved_secs = self._clock()
        while seen < stage.end_examples:
            rate = learning_rate(
                self.plan,
                self.settings.schedule,
                num_photos=self.train.count,
                examples_seen=seen,
            )
            set_learning_rate(self._optimizer, rate)
            waiting_secs = self._clock()
            images, labels = next(batches)
            sums.data_wait_secs += self._clock() - waiting_secs
            seed = tf.constant([self.settings.seed, seen % (2**31 - 1)], tf.int32)
            loss, correct = step(images, labels, tf.constant(stage.dropout, tf.float32), seed)
            sums.loss, sums.correct = sums.loss + loss, sums.correct + correct
            seen += stage.global_batch
            sums.examples += stage.global_batch
            meter.add(stage.global_batch)
            if ends_epoch(stage, seen, num_photos=self.train.count):
                self._end_epoch(stage, seen, rate, sums, evaluate)
                sums, saved_secs = _Sums(started_secs=self._clock()), self._clock()
            elif self._clock() - saved_secs > self.settings.checkpoint_secs:
                self._save(seen, sums)
                saved_secs = self._clock()

    def _end_epoch(
        self,
        stage: Stage,
        seen: int,
        rate: float,
        sums: _Sums,
        evaluate: Callable[..., Any],
    ) -> None:
        train_loss = float(sums.loss) / sums.examples
        train_top1 = float(sums.correct) / sums.examples
        train_secs = self._clock() - sums.started_secs
        val_loss, val_top1 = self._validate(stage, evaluate)
        self.history.append(
            {
                "stage": stage.index,
                "examples_seen": seen,
                "epoch": seen / self.train.count,
                "learning_rate": rate,
                "train_loss": train_loss,
                "train_top1": train_top1,
                "val_loss": val_loss,
                "val_top1": val_top1,
                "train_secs": train_secs,
                "photos_per_sec": sums.examples / train_secs,
                "data_wait_share": min(1.0, sums.data_wait_secs / train_secs),
            }
        )
        self._save(seen, None)
        shown = {
            "stage": stage.index + 1,
            "stages": len(self.plan),
            "image_size_px": stage.image_size_px,
            "global_batch": stage.global_batch,
        }
        emit("epoch", **{**self.history[-1], **shown})

    def _save(self, seen: int, unfinished: _Sums | None) -> None:
        if not (self._checkpoints and self.devices.is_chief):
            return
        partial: dict[str, float] = {}
        if unfinished is not None:
            partial = {
                "loss": float(unfinished.loss),
                "correct": float(unfinished.correct),
                "examples": unfinished.examples,
                "data_wait_secs": unfinished.data_wait_secs,
                # Seconds that the epoch has taken so far; the clock starts anew after a restart.
                "started_secs": self._clock() - unfinished.started_secs,
            }
        self._checkpoints.save(
            examples_seen=seen,
            history=self.history,
            partial_epoch=partial,
            variables=self._variables,
        )

    def _training_batches(self, stage: Stage, seen: int) -> Iterator[Any]:
        def make(_: tf.distribute.InputContext) -> tf.data.Dataset:
            return training_stream(
                self.train.files,
                num_photos=self.train.count,
                start_examples=seen,
                image_size_px=stage.image_size_px,
                global_batch=stage.global_batch,
                steps=(stage.end_examples - seen) // stage.global_batch,
                augment=stage.augment,
                rand_augment=stage.rand_augment,
                seed=self.settings.seed,
                shuffle_buffer_photos=self.settings.shuffle_buffer_photos,
                share=self.devices.share,
            )

        return iter(self.devices.strategy.distribute_datasets_from_function(make))

    def _training_step(self, stage: Stage) -> Callable[..., Any]:
        strategy, rows = self.devices.strategy, stage.global_batch
        local_rows = rows // self.devices.replicas
        head_only = stage.trainable == "head"
        learning = self.model.get_layer("leaves") if head_only else self.model
        variables = learning.trainable_variables

        def replica_step(
            images: tf.Tensor, labels: tf.Tensor, dropout: tf.Tensor, seed: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
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
            with tf.GradientTape() as tape:
                with step_context(rate=dropout, seed=seed, first_row=first_row, rows=rows):
                    logits = self._training_logits(mixed.images, head_only=head_only)
                losses = mixed_crossentropy(mixed, logits, stage.label_smoothing)
                objective = self._optimizer.scale_loss(tf.reduce_sum(losses) / rows)
            gradients = tape.gradient(objective, variables)
            self._optimizer.apply(gradients, variables)
            return tf.reduce_sum(losses), tf.reduce_sum(_hits(labels, logits))

        @tf.function
        def step(images: Any, labels: Any, dropout: tf.Tensor, seed: tf.Tensor) -> Any:
            sums = strategy.run(replica_step, args=(images, labels, dropout, seed))
            return [strategy.reduce(tf.distribute.ReduceOp.SUM, part, axis=None) for part in sums]

        return step

    def _training_logits(self, images: tf.Tensor, *, head_only: bool) -> tf.Tensor:
        """A frozen backbone answers as in evaluation: its BatchNormalization does not move."""
        if not head_only:
            return self._logits(images, training=True)
        pooled = self._pooled(images, training=False)
        features = self.model.get_layer("dropout")(pooled, training=True)
        return self.model.get_layer("leaves")(features)

    def _validation_step(self) -> Callable[..., Any]:
        strategy = self.devices.strategy

        def replica_step(
            images: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            logits = self._logits(tf.cast(images, tf.float32), training=False)
            losses = smoothed_crossentropy(labels, logits, 0.0)
            return tf.reduce_sum(losses * weights), tf.reduce_sum(_hits(labels, logits) * weights)

        @tf.function
        def step(images: Any, labels: Any, weights: Any) -> Any:
            sums = strategy.run(replica_step, args=(images, labels, weights))
            return [strategy.reduce(tf.distribute.ReduceOp.SUM, part, axis=None) for part in sums]

        return step

    def _validate(self, stage: Stage, step: Callable[..., Any]) -> tuple[float, float]:
        """Returns (mean log loss, top-1) over all val photos at the stage's image size."""

        def make(_: tf.distribute.InputContext) -> tf.data.Dataset:
            return validation_stream(
                self.val.files,
                num_photos=self.val.count,
                image_size_px=stage.image_size_px,
                global_batch=self.settings.eval_batch,
                share=self.devices.share,
            )

        totals = np.zeros(2)
        for batch in self.devices.strategy.distribute_datasets_from_function(make):
            totals += [float(part) for part in step(*batch)]
        return totals[0] / self.val.count, totals[1] / self.val.count


def ends_epoch(stage: Stage, seen: int, *, num_photos: int) -> bool:
    """Returns whether validation is due after the step that ended at `seen`.

    It is at the end of the stage, and where the step passed the end of an epoch; but not within
    half an epoch of the stage's own ends, which may miss the epoch's by part of a batch.

    Args:
        stage: the stage of the step.
        seen: photos of the run seen after the step.
        num_photos: training photos, an epoch.
    """
    if seen == stage.end_examples:
        return True
    passed = seen // num_photos > (seen - stage.global_batch) // num_photos
    return (
        passed
        and seen - stage.start_examples > num_photos / 2
        and stage.end_examples - seen > num_photos / 2
    )


def smoothed_crossentropy(labels: tf.Tensor, logits: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Returns float32 [B]: cross-entropy against labels smoothed evenly over all leaves.

    (1 - s) * CE(label) + s * mean over leaves of CE(leaf), without a one-hot [B, N] table
    (Szegedy et al. 2016).

    Args:
        labels: int64 [B].
        logits: float32 [B, N].
        smoothing: s, 0 <= s < 1.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    if smoothing == 0:
        return losses
    uniform = tf.reduce_logsumexp(logits, axis=-1) - tf.reduce_mean(logits, axis=-1)
    return (1 - smoothing) * losses + smoothing * uniform


def mixed_crossentropy(mixed: Mixed, logits: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Returns float32 [B]: the losses against both photos' labels, by their shares of the picture.

    Args:
        mixed: the batch; unmixed photos have a share of 1.
        logits: float32 [B, N].
        smoothing: as for `smoothed_crossentropy`.
    """
    own = smoothed_crossentropy(mixed.labels, logits, smoothing)
    if mixed.partner_labels is mixed.labels:
        return own
    other = smoothed_crossentropy(mixed.partner_labels, logits, smoothing)
    return mixed.share * own + (1 - mixed.share) * other


def _hits(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.equal(labels, tf.argmax(logits, axis=-1)), tf.float32)


def _synchronise_batch_norm(layer: keras.Layer) -> None:
    for inner in layer._flatten_layers(include_self=False, recursive=True):
        if isinstance(inner, keras.layers.BatchNormalization):
            inner.synchronized = True
