"""One training of the comparison, in a process of its own.

    python benchmarks/progressive_training.py SPEC.json

Trains with `TrainingLoop` on one thread, so that a seed gives the same weights each time. After
each epoch the network is also validated at the full size, so that all arms are measured on one
scale; no arm is charged for that. Writes one JSON object to the spec's `result`: the settings, the
epochs, and which test photos the last network names rightly, at the full size and at a larger one.
Where the spec says `measured: false` only the seconds are asked for, and the last two are left out.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import tensorflow as tf

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import find_devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.photo_stream import validation_stream
from components.progressive_trainer.schedule import Stage
from schemas.settings import load_settings

LARGER = 1.2
"""Training crops show what is in a photo larger than evaluation does (Touvron et al. 2019): by how
much is measured by showing the network photos enlarged by this factor."""


class MeasuredLoop(TrainingLoop):
    """A training that is measured at the full size, too."""

    full_size_px = 0

    def _end_epoch(self, stage: Stage, *args: Any) -> Stage:
        after = super()._end_epoch(stage, *args)
        record = self.history[-1]
        record["image_size_px"] = stage.image_size_px
        record["full_size_top1"] = record["val_top1"]
        if stage.image_size_px != self.full_size_px:
            right = hits(self.model, self.val, self.full_size_px)
            record["full_size_top1"] = float(np.mean(right))
        print(json.dumps(record), flush=True)
        return after


def hits(model: Any, photos: Photos, size_px: int, batch: int = 50) -> list[int]:
    """Returns of each photo whether the first leaf named is its own, 1 or 0, in file order."""
    dataset = validation_stream(
        photos.files, num_photos=photos.count, image_size_px=size_px, global_batch=batch
    )
    step = tf.function(lambda images: tf.argmax(model(images, training=False), axis=-1))
    found: list[int] = []
    for images, labels, weights in dataset:
        right = tf.equal(step(tf.cast(images, tf.float32)), labels).numpy()
        found += [int(hit) for hit, weight in zip(right, weights.numpy(), strict=True) if weight]
    return found


def train(spec: dict[str, Any]) -> dict[str, Any]:
    """Returns the result of a spec, which `progressive.py` wrote."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    splits = {
        name: Photos(split["files"], split["count"]) for name, split in spec["splits"].items()
    }
    loop = (MeasuredLoop if spec["measured"] else TrainingLoop)(
        load_settings(TrainerSettings, spec["settings"], source="trainer"),
        num_leaves=spec["num_leaves"],
        train=splits["train"],
        val=splits["val"],
        devices=find_devices(1),
        checkpoints=None,
        clock=time.process_time,
    )
    if isinstance(loop, MeasuredLoop):
        loop.full_size_px = spec["full_size_px"]
    loop.run()
    trained = {
        "settings": spec["settings"],
        "stages": [stage.as_dict() for stage in loop.plan],
        "epochs": loop.history,
        "train_secs": sum(epoch["train_secs"] for epoch in loop.history),
    }
    if not spec["measured"]:
        return trained
    return trained | {
        "test_hits": hits(loop.model, splits["test"], spec["full_size_px"]),
        "larger_test_hits": hits(loop.model, splits["test"], round(LARGER * spec["full_size_px"])),
    }


def main(spec_file: Path) -> None:
    """Trains, and writes the result whole or not at all."""
    spec = json.loads(spec_file.read_text())
    partial = Path(spec["result"] + ".part")
    partial.write_text(json.dumps(train(spec)))
    partial.replace(spec["result"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
