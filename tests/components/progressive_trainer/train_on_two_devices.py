"""Trains on two logical CPU devices; run by test_replicas in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

import tiny_replicas

from components.progressive_trainer.devices import find_devices

if __name__ == "__main__":
    devices = find_devices(2)  # before TensorFlow has touched a device
    photos, target = Path(sys.argv[1]), Path(sys.argv[2])
    for optimizer in tiny_replicas.OPTIMIZERS:
        weights, history = tiny_replicas.train(photos, devices, optimizer)
        tiny_replicas.save(target, optimizer, weights)
        (target / f"{optimizer}.json").write_text(json.dumps([devices.description, history]))
