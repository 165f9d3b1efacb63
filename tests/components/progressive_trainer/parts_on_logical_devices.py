"""Trains on two logical CPUs, whole and in parts; prints the largest difference of a weight."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from small_device import holding, plain_network
from tiny_training import NUM_LEAVES, THIN, settings, stage, write_split

from components.progressive_trainer.devices import find_devices
from components.progressive_trainer.loop import TrainingLoop


def main(root: Path) -> None:
    devices = find_devices(2)
    train, val = write_split(root / "train", 12, files=3), write_split(root / "val", 4, files=1)
    mixing = {**stage(4, 1), "mixup": 0.3}
    weights = []
    for room in (2, 1):
        loop = TrainingLoop(
            settings([mixing, stage(8, 1)]),
            num_leaves=NUM_LEAVES,
            train=train,
            val=val,
            devices=devices,
            checkpoints=None,
        )
        with holding(room if room == 1 else 4):
            loop.run()
        print([(each.stage, each.after) for each in loop.course.decisions])
        weights.append(loop.model.get_weights())
    print(max(np.abs(ours - theirs).max() for ours, theirs in zip(*weights, strict=True)))


if __name__ == "__main__":
    with plain_network(THIN):
        main(Path(sys.argv[1]))
