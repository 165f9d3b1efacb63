"""Trains on logical CPU devices; run by test_replicas in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

import keras
import numpy as np
import tensorflow as tf
import tiny_replicas
from tiny_training import settings, stage

from components.progressive_trainer.devices import Devices, find_devices
from components.progressive_trainer.optimizers import build_optimizer, set_learning_rate
from components.progressive_trainer.shared_skip import skipped_by_all_or_none


def skips(devices: Devices, overflowing: int) -> list[bool]:
    """Whether each replica skips where one has a gradient that overflowed (-1: none)."""

    @tf.function
    def step() -> tf.Tensor:
        def replica_step() -> tf.Tensor:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            bad = tf.where(tf.equal(replica, overflowing), float("inf"), 1.0)
            gradients = skipped_by_all_or_none([tf.ones([2], tf.float16), tf.fill([3], bad)])
            finite = [tf.reduce_all(tf.math.is_finite(each)) for each in gradients]
            return tf.logical_not(tf.reduce_all(finite))

        return devices.strategy.run(replica_step)

    return [bool(each) for each in devices.strategy.experimental_local_results(step())]


def clipped(devices: Devices, optimizer: str, precision: str) -> list[float]:
    """Where two steps take a variable of ones whose gradients the replicas have parts of.

    The whole gradient is (30, 40) and is clipped to a norm of 5, though no replica's part is alike.
    """
    with devices.strategy.scope():
        built = build_optimizer(
            settings([stage(4, 1)], optimizer=optimizer, precision=precision, clip_global_norm=5.0)
        )
        variable = keras.Variable(np.ones(2, np.float32), name="kernel")
        built.build([variable])
    set_learning_rate(built, 0.1)
    parts = 2.0 / (devices.replicas * (devices.replicas + 1))

    @tf.function
    def step() -> None:
        def replica_step() -> None:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            part = parts * tf.cast(replica + 1, tf.float32)
            built.apply([built.scale_loss(part * tf.constant([30.0, 40.0]))], [variable])

        devices.strategy.run(replica_step)

    step()
    step()
    return [float(each) for each in variable.numpy()]


def all_clipped(devices: Devices) -> dict[str, list[float]]:
    """By optimizer and precision."""
    return {
        f"{optimizer} {precision}": clipped(devices, optimizer, precision)
        for optimizer in ("adamw", "rmsprop", "sgd")
        for precision in ("float32", "mixed_float16", "mixed_bfloat16")
    }


if __name__ == "__main__":
    photos, target, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    devices = find_devices(count)  # before TensorFlow has touched a device
    for name in sys.argv[4:]:
        kept = target / "kept" if name == tiny_replicas.RESUMED else None
        trained = tiny_replicas.train(photos, devices, name, kept)
        tiny_replicas.save(target, name, trained.after)
        (target / f"{name}.json").write_text(json.dumps([devices.description, trained.history]))
    skipped = [skips(devices, replica) for replica in (-1, 0, count - 1)]
    (target / "skips.json").write_text(json.dumps(skipped))
    (target / "clipped.json").write_text(json.dumps(all_clipped(devices)))
