"""Where training runs: one code path for a CPU, a GPU, several GPUs and several machines.

TF_CONFIG with more than one machine  MultiWorkerMirroredStrategy
more than one GPU                     MirroredStrategy over all of them
one GPU, or a CPU                     the default strategy
`logical_cpu_devices` > 1, no GPU     MirroredStrategy over logical CPUs, to test the above

All machines have as many GPUs. A machine that dies or falls silent is noticed by the heartbeats of
TensorFlow's coordination service: some ten seconds later the others fail with an error of its own.
Two things that TensorFlow has no short clock for: a machine that never comes up (the others wait
for it), and one whose heart beats but which does not get on, with a file system that hangs, say.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from components.progressive_trainer.cluster import ENVIRONMENT_VARIABLE, read_cluster
from components.progressive_trainer.photo_order import Share
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

    def from_chief(self, value: int) -> int:
        """Returns the chief's `value` on every machine; waits until all have asked.

        Args:
            value: what this process would say, 0 or more; only the chief's counts.
        """
        if self.share.workers == 1:
            return value
        given = tf.constant(value if self.is_chief else 0, tf.int64)

        @tf.function(autograph=False)
        def total(number: tf.Tensor) -> tf.Tensor:
            # Of a tensor that all replicas share, the strategy adds up one a machine.
            numbers = self.strategy.run(tf.identity, args=(number,))
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, numbers, axis=None)

        return int(total(given)) // self.share.replicas

    def part(self) -> None:
        """Returns once all machines are here; this process may end then.

        Who has the result of a collective operation may leave while another still reads its part
        from them. So all wait twice: nobody leaves before everybody is through the first wait, and
        what happens to the second no longer matters.

        Raises:
            tf.errors.OpError: if a machine was lost before all were here.
        """
        self.from_chief(0)
        try:
            self.from_chief(0)
        except tf.errors.OpError as error:
            logging.info("Another machine has left already, its work done: %s", error)

    def whole_batch(self, per_replica: Any) -> Sequence[int]:
        """Returns int64 [B] of all replicas of all machines, in replica order; all must ask."""
        if self.replicas == 1:
            return [int(each) for each in per_replica]

        @tf.function(autograph=False)
        def gathered(values: Any) -> tf.Tensor:
            return self.strategy.gather(values, axis=0)

        return [int(each) for each in gathered(per_replica)]


def _several_machines(*, on_gpus: bool) -> tf.distribute.Strategy:
    """Left to itself, TensorFlow adds gradients up over gRPC, past NCCL, and asks all machines
    before each batch whether one has come to its end: they all have the same number."""
    kinds = tf.distribute.experimental.CommunicationImplementation
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=kinds.NCCL if on_gpus else kinds.AUTO
    )
    strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    strategy.extended.experimental_enable_get_next_as_optional = False
    return strategy


def find_devices(logical_cpu_devices: int) -> Devices:
    """Chooses the strategy. Call it before TensorFlow has touched a device.

    Args:
        logical_cpu_devices: replicas to make of the CPU where there is no GPU.

    Raises:
        ConfigError: if TF_CONFIG is at fault, or asks for what TensorFlow cannot do.
    """
    cluster = read_cluster(os.environ.get(ENVIRONMENT_VARIABLE))
    gpus = tf.config.list_physical_devices("GPU")
    if cluster.workers > 1 and not gpus and logical_cpu_devices > 1:
        raise ConfigError(
            "trainer.logical_cpu_devices must be 1 on several machines without GPUs: TensorFlow "
            f"makes one replica of a machine's CPU there. Received: {logical_cpu_devices}. Take "
            f"the setting out, or {ENVIRONMENT_VARIABLE} out of the environment."
        )
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if not gpus and logical_cpu_devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        logical = tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(cpu, [logical] * logical_cpu_devices)
    per_worker = len(gpus) or logical_cpu_devices
    noun = "GPU" if gpus else "CPU"
    if cluster.workers > 1:
        strategy = _several_machines(on_gpus=bool(gpus))
        share = Share(cluster.rank, cluster.workers, per_worker)
        return Devices(strategy, share, f"{cluster.workers} machines with {per_worker} {noun} each")
    if per_worker > 1:
        names = [device.name for device in tf.config.list_logical_devices(noun)]
        strategy = tf.distribute.MirroredStrategy(
            names, cross_device_ops=None if gpus else tf.distribute.ReductionToOneDevice()
        )
        kind = "GPUs" if gpus else "logical CPU devices"
        return Devices(strategy, Share(replicas=per_worker), f"{per_worker} {kind}")
    return Devices(tf.distribute.get_strategy(), Share(), f"1 {noun}")
