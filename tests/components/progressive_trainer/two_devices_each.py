"""One of two machines with two devices each, as with two GPUs; run by test_two_devices_each.

    TF_CONFIG=... python two_devices_each.py TARGET

TensorFlow makes one replica of a machine's CPU; here it is told of two. Writes into TARGET, as
JSON, what the chief told this machine, and what a global batch looks like from here.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[3]))

import tensorflow as tf
from tensorflow.python.distribute.collective_all_reduce_strategy import CollectiveAllReduceExtended

from components.progressive_trainer.devices import Devices, find_devices
from components.progressive_trainer.photo_order import Share

DEVICES = 2
PHOTOS = 3
"""Of a device."""
SAID_BY_CHIEF = 51_200


def two_devices(_: Any, __: Any, worker: str) -> tuple[tuple[str, ...], str]:
    return tuple(f"{worker}/device:CPU:{index}" for index in range(DEVICES)), "CPU"


def main() -> dict[str, Any]:
    cpu = tf.config.list_physical_devices("CPU")[0]
    logical = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [logical] * DEVICES)
    with mock.patch.object(CollectiveAllReduceExtended, "_initialize_local_devices", two_devices):
        found = find_devices(1)
    share = Share(found.share.worker, found.share.workers, DEVICES)
    devices = Devices(found.strategy, share, "2 machines with 2 CPUs each")
    first = share.worker * DEVICES * PHOTOS
    photos = tf.data.Dataset.range(first, first + DEVICES * PHOTOS).batch(PHOTOS, True)
    (batch,) = devices.strategy.distribute_datasets_from_function(lambda _: photos)
    whole = devices.whole_batch(batch)
    said = devices.from_chief(SAID_BY_CHIEF if devices.is_chief else 7)
    devices.part()
    return {"said": said, "whole": whole}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(main()))
    os._exit(0)
