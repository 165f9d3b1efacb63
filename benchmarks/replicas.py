"""What replicas gain or cost on a CPU, and what each stage of `journal` takes in time and memory.

    python benchmarks/replicas.py scaling --replicas 1 2 4
    python benchmarks/replicas.py stages --network small --size 299 --batch 32

`scaling` trains `small` for the same steps at the same global batch on 1, 2 and 4 logical devices
of the CPU: it is the code path of several GPUs, and no gain is to be expected where they share the
cores. `stages` trains each stage of `journal` in a process of its own, so that the peak of memory
(resident, less what was there before training) is that stage's. Tracing and the first steps are
left out of the times. Photos are generated; medians of --runs, a process each, taken in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

WARM_UP_STEPS = 3
STORED_PHOTOS = 256


def scaling(arguments: argparse.Namespace) -> None:
    """Prints a line for each number of replicas."""
    measured: dict[int, list[dict[str, float]]] = {each: [] for each in arguments.replicas}
    for _ in range(arguments.runs):
        for replicas, of_replicas in measured.items():
            given = {"preset": "fixed", "stage": 0, "replicas": replicas}
            of_replicas.append(in_a_process(arguments, **given))
    alone = statistics.median(run["photos_per_sec"] for run in measured[arguments.replicas[0]])
    for replicas, runs in measured.items():
        line = medians(runs)
        print(
            f"{replicas} replicas: {line['photos_per_sec']:.1f} photos/s "
            f"({line['photos_per_sec'] / alone:.2f} of the first), "
            f"{line['photos_per_cpu_sec']:.1f} photos/CPU-s, peak +{line['peak_mb']:.0f} MB, "
            f"waiting for photos {line['data_wait_share']:.1%}",
            flush=True,
        )


def by_stage(arguments: argparse.Namespace) -> None:
    """Prints a line for each stage of `journal`, with its seconds for an epoch of --photos."""
    for stage in range(3):
        given = {"preset": "journal", "stage": stage, "replicas": 1}
        line = medians([in_a_process(arguments, **given) for _ in range(arguments.runs)])
        print(
            f"stage {stage + 1}: {line['size_px']:.0f} px, batch {line['batch']:.0f}: "
            f"{arguments.photos / line['photos_per_sec']:.1f} s for {arguments.photos} photos, "
            f"{line['photos_per_cpu_sec']:.1f} photos/CPU-s, peak +{line['peak_mb']:.0f} MB, "
            f"waiting for photos {line['data_wait_share']:.1%}",
            flush=True,
        )


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    """Of each figure."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def in_a_process(arguments: argparse.Namespace, **given: Any) -> dict[str, float]:
    """Trains in a process of its own and returns what it measured."""
    command = [sys.executable, __file__, "train"]
    for name in ("network", "size", "batch", "steps"):
        command += [f"--{name}", str(getattr(arguments, name))]
    done = subprocess.run(
        [*command, "--given", json.dumps(given)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-4000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def train(arguments: argparse.Namespace) -> None:
    """Trains --steps steps of one stage and prints the figures as JSON."""
    from training_world import LEAVES, preset_settings, write_photos

    from components.progressive_trainer.devices import find_devices
    from components.progressive_trainer.loop import TrainingLoop
    from components.progressive_trainer.schedule import stages

    given = json.loads(arguments.given)
    devices = find_devices(given["replicas"])
    steps = arguments.steps + WARM_UP_STEPS

    class Timed(TrainingLoop):
        """Times the steps after the first ones, and how long they waited."""

        taken, started, ended, waited_secs = 0, (0.0, 0.0), (0.0, 0.0), 0.0

        def _training_batches(self, *args: Any) -> Iterator[Any]:
            batches = super()._training_batches(*args)
            while True:
                started_secs = time.perf_counter()
                batch = next(batches)
                if self.taken >= WARM_UP_STEPS:
                    self.waited_secs += time.perf_counter() - started_secs
                yield batch

        def _take_step(self, *args: Any, **kwargs: Any) -> Any:
            result = super()._take_step(*args, **kwargs)
            self.taken += 1
            self.ended = (time.perf_counter(), time.process_time())
            if self.taken == WARM_UP_STEPS:
                self.started = self.ended
            return result

    with tempfile.TemporaryDirectory() as folder:
        photos, val = write_photos(
            Path(folder), train=STORED_PHOTOS, val=4 * given["replicas"], side_px=arguments.size
        )
        settings = preset_settings(
            given["preset"],
            arguments.network,
            size_px=arguments.size,
            batch=arguments.batch,
            epochs=4.0,
        )
        stage = stages(settings.schedule, num_photos=photos.count)[given["stage"]]
        settings = only(settings, stage, epochs=steps * stage.global_batch / photos.count)
        loop = Timed(
            settings, num_leaves=LEAVES, train=photos, val=val, devices=devices, checkpoints=None
        )
        before_mb = peak_mb()
        loop.run()
    wall_secs, cpu_secs = (b - a for a, b in zip(loop.started, loop.ended, strict=True))
    seen = arguments.steps * stage.global_batch
    print(
        json.dumps(
            {
                "size_px": stage.image_size_px,
                "batch": stage.global_batch,
                "photos_per_sec": seen / wall_secs,
                "photos_per_cpu_sec": seen / cpu_secs,
                "peak_mb": peak_mb() - before_mb,
                "data_wait_share": loop.waited_secs / wall_secs,
            }
        )
    )


def only(settings: Any, stage: Any, *, epochs: float) -> Any:
    """Returns the settings of a training of this stage alone."""
    from components.progressive_trainer.config import TrainerSettings
    from schemas.settings import load_settings

    alone = {
        "image_size_px": stage.image_size_px,
        "global_batch": stage.global_batch,
        "epochs": epochs,
        "learning_rate": stage.peak_learning_rate,
        "dropout": stage.dropout,
        "augment": stage.augment,
    }
    given = {
        "network": settings.network,
        "schedule": {"stages": [alone]},
        "eval_batch": settings.eval_batch,
    }
    return load_settings(TrainerSettings, given, source="trainer")


def peak_mb() -> float:
    """Peak resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measures what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("scaling", "stages", "train"))
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--network", default="small")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--photos", type=int, default=1000, help="that seconds are given for")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--given", default="{}")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    {"scaling": scaling, "stages": by_stage, "train": train}[arguments.what](arguments)


if __name__ == "__main__":
    main()
