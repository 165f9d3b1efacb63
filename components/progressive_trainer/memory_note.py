"""Says before training how much memory it will take, and warns where there is less.

A warning and no error: an estimate may be wrong, and a machine may swap.

    tell_memory(Footprint(model, settings).of(plan, replicas=devices.replicas), devices)
"""

from __future__ import annotations

import logging

import tensorflow as tf

from components.progressive_trainer.device_memory import device_memory_bytes
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.memory_estimate import MemoryEstimate, in_gb
from schemas.events import emit


def tell_memory(estimate: MemoryEstimate, devices: Devices) -> None:
    """Emits the estimate as a note, on the chief."""
    gpus = tf.config.list_physical_devices("GPU")
    text = memory_text(
        estimate,
        device_bytes=device_memory_bytes(),
        sharing=1 if gpus else devices.share.replicas,
    )
    logging.info("%s", text)
    if devices.is_chief:
        emit("note", text=text)


def memory_text(estimate: MemoryEstimate, *, device_bytes: int | None, sharing: int) -> str:
    """Returns the estimate in words, with a warning if it is more than there is.

    Args:
        estimate: of one replica.
        device_bytes: memory of the device; None if nobody says.
        sharing: replicas that share it: 1 for GPUs, all of a CPU's logical ones.
    """
    text = estimate.in_words()
    if device_bytes is None or estimate.peak_bytes * sharing <= device_bytes:
        return text
    all_of_them = f" for all {sharing} replicas" if sharing > 1 else ""
    return (
        f"{text}. WARNING: the device has {in_gb(device_bytes)} only{all_of_them}. Lower the "
        "global batch or the image size, or set trainer.head_rank or trainer.sampled_softmax"
    )
