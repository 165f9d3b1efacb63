"""One training of the comparison, in a process of its own.

    python benchmarks/progressive_training.py SPEC.json

Trains with `TrainingLoop` on one thread, so that times are clean and a seed gives the same weights
each time. After each epoch the network is also validated at the full size, so that all arms are
measured on one scale; that takes none of the arm's time. Writes one JSON object to the spec's
`result`: the epochs, and of the last network the test photos that it names rightly.
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
from schemas.settings import load_settings


class MeasuredLoop(TrainingLoop):
    """A training that measures itself at the full size, too."""

    full_size_px = 0
    epochs: list[dict[str, Any]]
    extras: Any = None

    def _end_epoch(self, stage: Any, seen: int, sums: Any, evaluate: Any) -> None:
        super()._end_epoch(stage, seen, sums, evaluate)
        record = dict(self.history[-1])
        record["image_size_px"] = stage.image_size_px
        record["full_size_top1"] = float(np.mean(hits(self.model, self.val, self.full_size_px)))
        if self.extras is not None:
            self.extras(self, stage, seen, record)
        self.epochs.append(record)
        print(json.dumps(record), flush=True)


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
    """Returns the result of a spec: see `progressive.py`."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    splits = {name: Photos(s["files"], s["count"]) for name, s in spec["splits"].items()}
    started_secs = time.monotonic()
    loop = MeasuredLoop(
        load_settings(TrainerSettings, spec["settings"], source="trainer"),
        num_leaves=spec["num_leaves"],
        train=splits["train"],
        val=splits["val"],
        devices=find_devices(1),
        clock=time.process_time,
        checkpoints=None,
    )
    loop.full_size_px, loop.epochs = spec["full_size_px"], []
    if spec.get("diagnose"):
        from diagnose import Diagnose  # type: ignore

        loop.extras = Diagnose(spec)
    loop.run()
    return {
        "stages": [stage.as_dict() for stage in loop.plan],
        "epochs": loop.epochs,
        "train_secs": sum(epoch["train_secs"] for epoch in loop.epochs),
        "whole_secs": time.monotonic() - started_secs,
        "test_hits": hits(loop.model, splits["test"], spec["full_size_px"]),
        **(loop.extras.final(loop, splits) if loop.extras else {}),
    }


if __name__ == "__main__":
    spec = json.loads(Path(sys.argv[1]).read_text())
    result = {**spec["names"], "settings": spec["settings"], **train(spec)}
    partial = Path(spec["result"] + ".part")
    partial.write_text(json.dumps(result))
    partial.rename(spec["result"])
