"""Where training runs: one code path for a CPU, a GPU, several GPUs and several machines.

TF_CONFIG with more than one worker   MultiWorkerMirroredStrategy
more than one GPU                     MirroredStrategy over all of them
one GPU, or a CPU                     the default strategy
`logical_cpu_devices` > 1, no GPU     MirroredStrategy over logical CPUs, to test the above
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

import tensorflow as tf

from components.progressive_trainer.photo_stream import Share
from schemas.errors import ConfigError


@dataclass(frozen=True)
class Devices:
    """The replicas of a run, and the part that this process has in it."""

    strategy: tf.distribute.Strategy
    share: Share
    description: str

    @property
    def replicas(self) -> int:
        """Replicas over all workers."""
        return self.share.workers * self.share.replicas

    @property
    def is_chief(self) -> bool:
        """Whether this process writes checkpoints and the model."""
        return self.share.worker == 0

    def check_batch(self, batch: int, *, setting: str) -> None:
        """Raises:
        ConfigError: if a global batch does not divide among the replicas.
        """
        if batch % self.replicas:
            lower = batch - batch % self.replicas
            higher = lower + self.replicas
            raise ConfigError(
                f"{setting}: a global batch must divide among {self.replicas} replicas. "
                f"Received: {batch}. Use {f'{lower} or ' if lower else ''}{higher}."
            )

    def check_pairs(self, batch: int, *, setting: str) -> None:
        """Raises:
        ConfigError: if a replica's part of a batch is odd, so that a photo has no neighbour to be
            mixed with.
        """
        if (batch // self.replicas) % 2:
            raise ConfigError(
                f"{setting}: mixup and cutmix mix photos in pairs, so that each of {self.replicas} "
                f"replicas needs an even number of them. Received: a global batch of {batch}. Use "
                f"a multiple of {2 * self.replicas}."
            )


def find_devices(logical_cpu_devices: int) -> Devices:
    """Chooses the strategy. Call it before TensorFlow has touched a device.

    Args:
        logical_cpu_devices: replicas to make of the CPU where there is no GPU.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if not gpus and logical_cpu_devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        logical = tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(cpu, [logical] * logical_cpu_devices)
    cluster = json.loads(os.environ.get("TF_CONFIG", "{}"))
    workers = len(cluster.get("cluster", {}).get("worker", []))
    per_worker = len(gpus) or logical_cpu_devices
    noun = "GPU" if gpus else "CPU"
    if workers > 1:
        strategy: tf.distribute.Strategy = tf.distribute.MultiWorkerMirroredStrategy()
        share = Share(int(cluster["task"]["index"]), workers, per_worker)
        return Devices(strategy, share, f"{workers} machines with {per_worker} {noun} each")
    if per_worker > 1:
        names = [device.name for device in tf.config.list_logical_devices(noun)]
        strategy = tf.distribute.MirroredStrategy(
            names, cross_device_ops=None if gpus else tf.distribute.ReductionToOneDevice()
        )
        kind = "GPUs" if gpus else "logical CPU devices"
        return Devices(strategy, Share(replicas=per_worker), f"{per_worker} {kind}")
    return Devices(tf.distribute.get_strategy(), Share(), f"1 {noun}")
