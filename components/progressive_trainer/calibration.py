"""The temperature of a trained network, fitted on val: two passes over the photos, no scores kept.

A step sums, for each of the temperatures tried at once, the log loss and the reliability curve of
its photos, so that 80,000 leaves cost a few hundred numbers a step and never a row of scores. The
network is the one that is exported (that of the average, if one is kept), at the size that it is
exported for, over all replicas.

    found = calibrate(loop.result, files, num_photos=850, image_size_px=224, ...)
    found.temperature, found.words()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.progressive_trainer.devices import Devices
from components.progressive_trainer.head import LEAVES
from components.progressive_trainer.hits import leaf_ranks
from components.progressive_trainer.stop_request import StopRequest
from components.progressive_trainer.temperatures import (
    BINS,
    TRIED,
    Calibration,
    Floats,
    calibration_error,
    finer_temperatures,
    first_temperatures,
)
from components.progressive_trainer.validation import sums_over

_PARTS = 1 + 3 * BINS
"""Sums of a temperature: loss; photos, hits and confidence of each bin."""


def calibrate(
    network: keras.Model,
    files: Sequence[str],
    *,
    num_photos: int,
    image_size_px: int,
    global_batch: int,
    devices: Devices,
    stop: StopRequest,
) -> Calibration | None:
    """Returns what suits the network; None if any process was asked to stop.

    Args:
        network: from `build_network`.
        files: TFRecord files (gzip) of transformed val records.
        num_photos: records in all the files together.
        image_size_px: side of the square that the network sees.
        global_batch: photos a step over all replicas.
        devices: where to run.
        stop: of this process; all processes leave after the same step.
    """
    step = calibration_step(network, devices)

    def measured(temperatures: Floats) -> Floats | None:
        tried = tf.constant(temperatures, tf.float32)
        sums = sums_over(
            lambda *batch: step(*batch, tried),
            files,
            num_photos=num_photos,
            image_size_px=image_size_px,
            global_batch=global_batch,
            devices=devices,
            stop=stop,
            label="calibrating",
        )
        return None if sums is None else sums.reshape(TRIED, _PARTS)

    coarse = first_temperatures()
    before = measured(coarse)
    if before is None:
        return None
    fine = finer_temperatures(coarse, int(np.argmin(before[:, 0])))
    after = measured(fine)
    if after is None:
        return None
    best = int(np.argmin(after[:, 0]))
    log_loss, error = _figures(before[TRIED // 2], num_photos)
    calibrated_log_loss, calibrated_error = _figures(after[best], num_photos)
    return Calibration(
        temperature=float(fine[best]),
        photos=num_photos,
        image_size_px=image_size_px,
        log_loss=log_loss,
        calibrated_log_loss=calibrated_log_loss,
        calibration_error=error,
        calibrated_calibration_error=calibrated_error,
    )


def calibration_step(network: keras.Model, devices: Devices) -> Callable[..., Any]:
    """Returns a step that takes (images, labels, weights float32 [B], stop, temperatures [TRIED]).

    It gives sums over the global batch, each photo by its weight: float32 [TRIED x parts], and the
    number of replicas whose process was asked to stop, float32 scalar.

    Args:
        network: from `build_network`.
        devices: where to run.
    """
    strategy = devices.strategy
    logits_of = keras.Model(network.input, network.get_layer(LEAVES).output)

    def replica_step(
        images: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor, stop: tf.Tensor, tried: tf.Tensor
    ) -> tf.Tensor:
        logits = logits_of(tf.cast(images, tf.float32), training=False)
        sums = temperature_sums(labels, logits, weights, tried)
        local = tf.concat([tf.reshape(sums, [-1]), [stop]], axis=0)
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, local)

    @tf.function(autograph=False)
    def step(images: Any, labels: Any, weights: Any, stop: Any, tried: Any) -> Any:
        given = strategy.run(replica_step, args=(images, labels, weights, stop, tried))
        summed = strategy.experimental_local_results(given)[0]
        return summed[:-1], summed[-1]

    return step


def temperature_sums(
    labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor, temperatures: tf.Tensor
) -> tf.Tensor:
    """Returns float32 [T, 1 + 3 x BINS]: loss; photos, hits and confidence of each bin in turn.

    Args:
        labels: int64 [B].
        logits: float32 [B, N].
        weights: float32 [B], 0 for what only fills the batch.
        temperatures: float32 [T].
    """
    hits = tf.cast(leaf_ranks(labels, logits) == 0, tf.float32)
    below_best = logits - tf.reduce_max(logits, axis=1, keepdims=True)
    own = tf.gather(below_best, labels, batch_dims=1)

    def sums(temperature: tf.Tensor) -> tf.Tensor:
        # -ln of the best leaf's score.
        normaliser = tf.math.log(tf.reduce_sum(tf.exp(below_best / temperature), axis=1))
        loss = tf.reduce_sum(weights * (normaliser - own / temperature))
        confidence = tf.exp(-normaliser)
        # Bins are open below and closed above, as the Evaluator's are.
        bins = tf.clip_by_value(tf.cast(tf.math.ceil(confidence * BINS), tf.int32) - 1, 0, BINS - 1)
        rows = tf.stack([weights, weights * hits, weights * confidence], axis=1)
        curve = tf.math.unsorted_segment_sum(rows, bins, BINS)
        return tf.concat([[loss], tf.reshape(tf.transpose(curve), [-1])], axis=0)

    # One after the other: side by side they would take T times the logits' memory.
    return tf.map_fn(sums, temperatures, parallel_iterations=1)


def _figures(sums: Floats, num_photos: int) -> tuple[float, float]:
    """Log loss and calibration error of one temperature."""
    photos, hits, confidence = sums[1:].reshape(3, BINS)
    return float(sums[0] / num_photos), float(calibration_error(photos, hits, confidence))
