"""Trains on logical CPU devices; run by test_replicas in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

import tensorflow as tf
import tiny_replicas

from components.progressive_trainer.devices import Devices, find_devices
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


if __name__ == "__main__":
    photos, target, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    devices = find_devices(count)  # before TensorFlow has touched a device
    for optimizer in tiny_replicas.OPTIMIZERS:
        weights, history = tiny_replicas.train(photos, devices, optimizer)
        tiny_replicas.save(target, optimizer, weights)
        (target / f"{optimizer}.json").write_text(json.dumps([devices.description, history]))
    skipped = [skips(devices, replica) for replica in (-1, 0, count - 1)]
    (target / "skips.json").write_text(json.dumps(skipped))
