"""What a training step costs with 80,000 leaves: full head or low-rank, full softmax or sampled.

    python benchmarks/many_leaves.py
    python benchmarks/many_leaves.py --network efficientnetv2_b0 --rank 256 --batch 8 --rounds 1

Each variant runs in a process of its own, so that its peak of memory is its own; rounds go through
all variants in turn. Times are of the clock and of the processor, which is what counts where others
are at work on the machine. Photos are noise that lies ready: only the step is timed, what the
optimizer does included. The estimate is what training says before it starts; "measured" is the
process's peak above what it took before the network was built.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

VARIANTS = ("full", "rank", "sampled", "rank + sampled")
WARM_UP_STEPS = 2


def main() -> None:
    """Runs all variants, or with --variant one of them."""
    arguments = _arguments()
    if arguments.variant:
        print(json.dumps(measure(arguments)))
        return
    results: dict[str, list[dict[str, Any]]] = {variant: [] for variant in VARIANTS}
    for _ in range(arguments.rounds):
        for variant in VARIANTS:
            results[variant].append(_in_a_process(variant))
    print(
        f"{arguments.network}, {arguments.leaves:,} leaves, {arguments.size} px, batch "
        f"{arguments.batch}, rank {arguments.rank}, {arguments.sample:,} leaves sampled, "
        f"{arguments.rounds} rounds of {arguments.steps} steps"
    )
    full_secs = median(run["step_cpu_secs"] for run in results["full"])
    for variant, runs in results.items():
        print(_line(variant, runs, full_secs))


def _line(variant: str, runs: list[dict[str, Any]], full_secs: float) -> str:
    middle = {key: median(run[key] for run in runs) for key in runs[0]}
    return (
        f"{variant:<15} {middle['weights'] / 1e6:6.1f} M weights  "
        f"{middle['step_secs']:.3f} s a step, {middle['step_cpu_secs']:.3f} of the processor's "
        f"({middle['step_cpu_secs'] / full_secs:.2f} of full)  "
        f"memory {middle['measured_bytes'] / 1e9:.2f} GB measured, "
        f"{middle['estimated_bytes'] / 1e9:.2f} GB estimated  checkpoint "
        f"{middle['checkpoint_bytes'] / 1e6:.0f} MB in {middle['checkpoint_secs']:.1f} s"
    )


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Trains one variant for a few steps."""
    import tensorflow as tf

    from components.progressive_trainer.config import TrainerSettings
    from components.progressive_trainer.devices import find_devices
    from components.progressive_trainer.memory_estimate import Footprint
    from components.progressive_trainer.networks import build_network
    from components.progressive_trainer.optimizers import build_optimizer
    from components.progressive_trainer.schedule import stages
    from components.progressive_trainer.schedule_settings import ScheduleSettings
    from components.progressive_trainer.steps import Steps

    stage = {
        "image_size_px": arguments.size,
        "global_batch": arguments.batch,
        "epochs": 1,
        "learning_rate": 1e-3,
    }
    settings = TrainerSettings(
        network=arguments.network,
        head_rank=arguments.rank if "rank" in arguments.variant else None,
        sampled_softmax=arguments.sample if "sampled" in arguments.variant else None,
        schedule=ScheduleSettings.model_validate({"stages": [stage]}),
    )
    plan = stages(settings.schedule, num_photos=arguments.leaves)
    devices = find_devices(1)
    generator = tf.random.Generator.from_seed(1)
    before_bytes = _rss_bytes()
    model = build_network(
        settings.network,
        num_leaves=arguments.leaves,
        base_weights="none",
        head_rank=settings.head_rank,
    )
    optimizer = build_optimizer(settings)
    optimizer.build(model.trainable_variables)
    step = Steps(model, optimizer, devices, sampled_leaves=settings.sampled_softmax).training(
        plan[0]
    )
    shape = (arguments.batch, arguments.size, arguments.size, 3)
    images = tf.cast(generator.uniform(shape, 0, 256, tf.int32), tf.uint8)
    labels = generator.uniform(shape[:1], 0, arguments.leaves, tf.int64)

    def take_step(number: int) -> None:
        rate, dropout = tf.constant(1e-3), tf.constant(0.2)
        seed, stop = tf.constant([1, number]), tf.constant(0.0)
        for each in tf.nest.flatten(step(images, labels, rate, dropout, seed, stop)):
            each.numpy()

    timed = [_timed(take_step, number) for number in range(WARM_UP_STEPS + arguments.steps)]
    wall_secs, cpu_secs = zip(*timed[WARM_UP_STEPS:], strict=True)
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "step_secs": median(wall_secs),
        "step_cpu_secs": median(cpu_secs),
        "weights": float(model.count_params()),
        "measured_bytes": float(peak_bytes - before_bytes),
        "estimated_bytes": float(Footprint(model, settings).of(plan, replicas=1).peak_bytes),
        **_checkpoint([*model.variables, *optimizer.variables]),
    }


def _checkpoint(variables: list[Any]) -> dict[str, float]:
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "variables.npz"
        started_secs = time.monotonic()
        # As `checkpoint` writes them.
        np.savez(file, **{str(place): each.numpy() for place, each in enumerate(variables)})
        took_secs = time.monotonic() - started_secs
        return {"checkpoint_secs": took_secs, "checkpoint_bytes": float(file.stat().st_size)}


def _timed(work: Callable[[int], None], number: int) -> tuple[float, float]:
    """Seconds by the clock, and of the processor over all threads."""
    wall_secs, cpu_secs = time.monotonic(), time.process_time()
    work(number)
    return time.monotonic() - wall_secs, time.process_time() - cpu_secs


def _in_a_process(variant: str) -> dict[str, Any]:
    command = [sys.executable, __file__, *sys.argv[1:], "--variant", variant]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{variant}: {done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _rss_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="mobilenet_025")
    parser.add_argument("--leaves", type=int, default=80_000)
    parser.add_argument("--size", type=int, default=128, help="Side of the photos, in px.")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rank", type=int, default=64, help="256 features: 64 is a quarter.")
    parser.add_argument("--sample", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
