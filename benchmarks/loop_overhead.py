"""What our training loop costs beside the step itself, against Keras's bare `fit`.

    python benchmarks/loop_overhead.py --networks small mobilenet_025
    python benchmarks/loop_overhead.py --networks small --size 32 --batch 4   # milliseconds a step

Both train the same network at the preset `fixed`, on the same stream of photos, with the same
optimizer and so many steps, on one device. `fit` gets the network with Keras's own dropout, a
constant rate, label smoothing and one metric, and no callbacks but the clock; it neither looks for
losses that are not finite nor can it stop. The first steps (tracing) and validation are left out.
The two take turns; prints medians of --runs and of the ratios within a run. CPU seconds do not
count what other work takes from the machine, wall seconds do. The yardstick: a ratio of 1.05.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training_world import LEAVES, preset_settings, write_photos

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.networks import build_network
from components.progressive_trainer.optimizers import build_optimizer, set_learning_rate
from components.progressive_trainer.photo_stream import Share, training_stream
from components.progressive_trainer.schedule import stages

WARM_UP_STEPS = 5


class Stopwatch:
    """Time from the end of step WARM_UP_STEPS to the end of the last."""

    def __init__(self) -> None:
        self.steps = 0
        self._first = self._last = (0.0, 0.0)

    def step(self) -> None:
        """A step has ended."""
        self.steps += 1
        self._last = (time.perf_counter(), time.process_time())
        if self.steps == WARM_UP_STEPS:
            self._first = self._last

    @property
    def millis(self) -> tuple[float, float]:
        """Milliseconds a step: wall, CPU."""
        steps = self.steps - WARM_UP_STEPS
        wall, cpu = (
            (last - first) / steps * 1e3
            for first, last in zip(self._first, self._last, strict=True)
        )
        return wall, cpu


def loop(settings: TrainerSettings, train: Photos, val: Photos) -> tuple[float, float]:
    """Milliseconds a step of our loop."""
    watch = Stopwatch()

    class Timed(TrainingLoop):
        def _take_step(self, *args: Any, **kwargs: Any) -> Any:
            taken = super()._take_step(*args, **kwargs)
            watch.step()
            return taken

    devices = Devices(tf.distribute.get_strategy(), Share(), "1 CPU")
    Timed(
        settings, num_leaves=LEAVES, train=train, val=val, devices=devices, checkpoints=None
    ).run()
    return watch.millis


def fit(settings: TrainerSettings, train: Photos) -> tuple[float, float]:
    """Milliseconds a step of Keras's."""
    (stage,) = stages(settings.schedule, num_photos=train.count)
    keras.utils.set_random_seed(settings.seed)
    ours = build_network(settings.network, num_leaves=LEAVES, base_weights="none")
    features = keras.layers.Dropout(stage.dropout)(ours.get_layer("pool").output)
    logits = keras.layers.Dense(LEAVES, dtype="float32")(features)
    model = keras.Model(ours.input, logits)
    optimizer = build_optimizer(settings)
    optimizer.build(model.trainable_variables)
    set_learning_rate(optimizer, stage.peak_learning_rate)
    model.compile(
        optimizer,
        # Keras smooths only the labels that are one-hot.
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        metrics=["categorical_accuracy"],
        jit_compile=False,
    )
    dataset = training_stream(
        train.files,
        num_photos=train.count,
        start_examples=0,
        image_size_px=stage.image_size_px,
        global_batch=stage.global_batch,
        steps=stage.steps,
        augment=stage.augment,
        rand_augment=stage.rand_augment,
        seed=settings.seed,
        shuffle_buffer_photos=settings.shuffle_buffer_photos,
    )
    dataset = dataset.map(lambda images, labels, _: (images, tf.one_hot(labels, LEAVES)))
    watch = Stopwatch()
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: watch.step())
    model.fit(dataset, verbose=0, callbacks=[clock])
    return watch.millis


def main() -> None:
    """Compares on each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["small", "mobilenet_025"])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    photos, repeats = arguments.batch * 8, -(-arguments.steps // 8)
    with tempfile.TemporaryDirectory() as folder:
        train, val = write_photos(Path(folder), train=photos, val=4, side_px=arguments.size)
        # One epoch, so that our loop validates after the last step that is timed.
        train = Photos(list(train.files) * repeats, train.count * repeats)
        for network in arguments.networks:
            settings = preset_settings(
                "fixed",
                network,
                size_px=arguments.size,
                batch=arguments.batch,
                epochs=1,
            )
            compare(network, settings, train, val, arguments.runs)


def compare(network: str, settings: TrainerSettings, train: Photos, val: Photos, runs: int) -> None:
    """Prints the medians of a network."""
    ours, theirs = [], []
    for _ in range(runs):
        ours.append(loop(settings, train, val))
        theirs.append(fit(settings, train))
    for index, clock in enumerate(("wall", "CPU")):
        ratios = [a[index] / b[index] for a, b in zip(ours, theirs, strict=True)]
        print(
            f"{network}, {clock}: loop {statistics.median(a[index] for a in ours):.2f} ms a step, "
            f"fit {statistics.median(b[index] for b in theirs):.2f} ms, "
            f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f}..{max(ratios):.3f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
