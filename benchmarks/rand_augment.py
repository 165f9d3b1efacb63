"""What RandAugment costs a photo, ours against Keras's own layer.

    python benchmarks/rand_augment.py --sizes 128 224

Both apply two operations a photo inside `tf.data.Dataset.map`, at the same share of their full
range. Keras's layer is mapped over single photos, as ours is, and over batches of 32; it computes
its operations for every photo and then chooses. Prints CPU seconds of the whole process, which
other work on the machine does not touch; medians of --runs taken in turn, less what the same map
takes that does nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from components.progressive_trainer.rand_augment import FULL_MAGNITUDE, NUM_LAYERS, rand_augment

BATCH = 32
SHARE = 0.5  # of the full range
WARM_UP = BATCH


def datasets(size_px: int, photos: int) -> dict[str, tf.data.Dataset]:
    """Returns what is to be drained, by name; each gives `photos` photos and WARM_UP before."""
    layer = keras.layers.RandAugment((0, 255), num_ops=NUM_LAYERS, factor=SHARE, seed=1)
    pixels = np.random.default_rng(0).uniform(0, 255, (size_px, size_px, 3)).astype(np.float32)
    source = tf.data.Dataset.from_tensors(pixels).repeat(photos + WARM_UP).enumerate()

    def ours(number: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
        seed = tf.stack([tf.constant(1, tf.int64), number])
        return rand_augment(image, seed, magnitude=SHARE * FULL_MAGNITUDE)

    def of_keras(_: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
        return layer(image, training=True)

    return {
        "nothing": source.map(lambda _, image: image).batch(BATCH),
        "ours": source.map(ours).batch(BATCH),
        "keras, photo by photo": source.map(of_keras).batch(BATCH),
        "keras, batches": source.batch(BATCH).map(of_keras),
    }


def cpu_micros(dataset: tf.data.Dataset) -> float:
    """CPU microseconds a photo, the first batch (and the tracing) left out."""
    batches = iter(dataset)
    next(batches)
    started_secs = time.process_time()
    photos = sum(len(batch) for batch in batches)
    return (time.process_time() - started_secs) / photos * 1e6


def main() -> None:
    """Measures each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 224])
    parser.add_argument("--photos", type=int, default=480)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    for size_px in arguments.sizes:
        measured = {name: [] for name in datasets(size_px, 0)}
        for _ in range(arguments.runs):
            for name, dataset in datasets(size_px, arguments.photos).items():
                measured[name].append(cpu_micros(dataset))
        report(size_px, {name: statistics.median(runs) for name, runs in measured.items()})


def report(size_px: int, medians: dict[str, float]) -> None:
    """Prints the figures of a size."""
    nothing = medians.pop("nothing")
    net = {name: value - nothing for name, value in medians.items()}
    for name, micros in net.items():
        times = micros / net["ours"]
        print(f"{size_px} px, {name}: {micros:,.0f} CPU-us a photo, {times:.1f} times ours")


if __name__ == "__main__":
    main()
