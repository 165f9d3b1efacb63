"""A progressive schedule against a fixed size: accuracy, time to accuracy, dips.

    python benchmarks/progressive.py --dataset ladybirds --seeds 3
    python benchmarks/progressive.py --dataset birds100 --seeds 3 \\
        --export vision-export-birds100 --weights keras_mobilenet_v1_0.25_224_notop.weights.h5

Arms: `fixed`, which is the last size from start to end with the last regularisation of the first
preset (give the mild one first: over few epochs that is the stronger baseline); each preset over as
many epochs, and over as much training time as `fixed` took. Same network, photos, seeds and base
rate. Each training is a process of its own, seeds take turns, and a training that is finished is
not done again: give the same command to go on after a stop. Prints tables and writes curves.svg
beside the results.

Seconds are CPU seconds of one thread, reading and tracing included and validation not. What a stage
takes to begin and what a photo of it takes is measured first, every kind of stage in turn in each
of `--cost-runs` runs, and the seconds of all trainings follow from the medians: a core that is
shared is slower by half or more from one hour to the next, and would be compared instead of the
arms. So leave the machine alone until the first training begins; `taskset -c 1` keeps the benchmark
to a core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.progressive_figures import (
    Cost,
    Interval,
    difference,
    dips,
    interval,
    median_costs,
    seconds_to,
    stage_costs,
    timed,
)
from benchmarks.progressive_plot import svg
from components.progressive_trainer.schedule_presets import preset_stages
from components.progressive_trainer.schedule_settings import PresetSchedule, StageSettings

COST_EPOCHS = 2
"""Of each kind of stage: the first begins it, the second only trains."""

WARMUP_EPOCHS = 0.25
"""A whole epoch is a fifth of so short a run."""

TRAINING = Path(__file__).with_name("progressive_training.py")


@dataclass(frozen=True)
class Dataset:
    """How the arms are trained on an export.

    Attributes:
        network: see TrainerSettings.
        image_size_px: of the last stage and of every measurement.
        epochs: of the arms of equal epochs.
        preset: settings of the preset, but for its name, size and epochs.
    """

    network: str
    image_size_px: int
    epochs: float
    preset: dict[str, Any]


DATASETS = {
    "ladybirds": Dataset(
        network="small",
        image_size_px=128,
        epochs=10,
        preset={"global_batch": 24, "learning_rate": 1.5e-3, "learning_rate_batch": 24},
    ),
    "birds100": Dataset(
        network="mobilenet_025",
        image_size_px=160,
        epochs=5,
        preset={"global_batch": 32, "learning_rate": 3e-3, "learning_rate_batch": 32},
    ),
}


class Comparison:
    """The trainings of a dataset, done and to be done.

    Args:
        arguments: of the command line.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments, self.dataset = arguments, DATASETS[arguments.dataset]
        self.size_px = arguments.image_size_px or self.dataset.image_size_px
        self.epochs = arguments.epochs or self.dataset.epochs
        self.work = Path(arguments.work) / arguments.dataset
        self.work.mkdir(parents=True, exist_ok=True)

    def run(self) -> dict[str, list[dict[str, Any]]]:
        """Returns the results of every arm, one a seed."""
        costs = self.costs()
        planned = self._arms(costs)
        arms: dict[str, list[dict[str, Any]]] = {arm: [] for arm in planned}
        for seed in range(1, self.arguments.seeds + 1):
            for arm, (preset, epochs) in planned.items():
                stages = self._stages(preset, epochs)
                result = self._trained(
                    f"{arm}, seed {seed}", self._settings(stages, seed), says=f"{epochs:g} epochs"
                )
                of_stages = [costs[kind_of(stage)] for stage in stages]
                arms[arm].append(timed(result, of_stages))
        return arms

    def costs(self) -> dict[str, Cost]:
        """Returns what each kind of stage costs, by `kind_of`: medians over the runs."""
        kinds = {
            kind_of(stage): stage | {"epochs": COST_EPOCHS}
            for preset in (None, *self.arguments.presets)
            for stage in self._stages(preset, self.epochs)
        }
        stages = sorted(kinds.values(), key=lambda stage: int(stage["image_size_px"]))
        runs = [
            self._trained(
                f"costs, run {run}",
                self._settings(stages, seed=run),
                says=", ".join(kind_of(stage) for stage in stages),
                measured=False,
            )
            for run in range(1, self.arguments.cost_runs + 1)
        ]
        return median_costs([stage_costs(run["epochs"]) for run in runs], map(kind_of, stages))

    def _arms(self, costs: dict[str, Cost]) -> dict[str, tuple[str | None, float]]:
        """Of each arm its preset, None for the fixed size, and its epochs."""
        photos = self._splits["train"].count

        def secs(preset: str | None, photos: int) -> float:
            return sum(
                costs[kind_of(stage)].of(photos * stage["epochs"])
                for stage in self._stages(preset, self.epochs)
            )

        arms: dict[str, tuple[str | None, float]] = {"fixed": (None, self.epochs)}
        for preset in self.arguments.presets:
            begin = secs(preset, 0)
            longer = (secs(None, photos) - begin) / (secs(preset, photos) - begin)
            arms[preset] = (preset, self.epochs)
            arms[f"{preset}, as long"] = (preset, round(self.epochs * longer, 2))
        return arms

    def _trained(
        self, name: str, settings: dict[str, Any], *, says: str, measured: bool = True
    ) -> dict[str, Any]:
        stem = name.replace(", ", "-").replace(" ", "-")
        result = self.work / f"{stem}.json"
        if not (result.is_file() and json.loads(result.read_text())["settings"] == settings):
            print(f"{name}: training {says}", flush=True)
            spec = self.work / f"{stem}.spec.json"
            spec.write_text(json.dumps(self._spec(settings, result, measured), indent=1))
            with (self.work / f"{stem}.log").open("w") as log:
                subprocess.run(
                    [sys.executable, str(TRAINING), str(spec)], check=True, stdout=log, stderr=log
                )
        return dict(json.loads(result.read_text()))

    def _spec(self, settings: dict[str, Any], result: Path, measured: bool) -> dict[str, Any]:
        splits = self._splits
        return {
            "settings": settings,
            "splits": {name: asdict(split) for name, split in splits.items()},
            "num_leaves": splits["train"].num_leaves,
            "full_size_px": self.size_px,
            "measured": measured,
            "result": str(result),
        }

    @cached_property
    def _splits(self) -> dict[str, Any]:
        from benchmarks.progressive_records import prepared  # imports TensorFlow

        records = self.work / f"records-{self.size_px}px"
        return dict(prepared(self._export(), records, stored_size_px=self.size_px))

    def _export(self) -> Path:
        if self.arguments.export:
            return Path(self.arguments.export)
        if self.arguments.dataset != "ladybirds":
            sys.exit(f"Give --export: the directory of {self.arguments.dataset}.")
        from pipeline.demo_world.export import draw_export

        return draw_export(self.work / "export").directory

    def _stages(self, name: str | None, epochs: float) -> list[dict[str, Any]]:
        preset = PresetSchedule.model_validate(
            {
                "name": name or self.arguments.presets[0],
                "epochs": epochs,
                "image_size_px": self.size_px,
                **self.dataset.preset,
            }
        )
        stages = preset_stages(preset) if name else (fixed_stage(preset),)
        return [stage.model_dump(mode="json") for stage in stages]

    def _settings(self, stages: list[dict[str, Any]], seed: int) -> dict[str, Any]:
        return {
            "network": self.dataset.network,
            "base_weights": self.arguments.weights,
            "schedule": {"stages": stages, "warmup_epochs": WARMUP_EPOCHS},
            "eval_batch": 50,
            "seed": seed,
        }


def kind_of(stage: dict[str, Any]) -> str:
    """Returns what decides the costs of a stage."""
    return f"{stage['image_size_px']} px by {stage['global_batch']}"


def fixed_stage(preset: PresetSchedule) -> StageSettings:
    """Returns a preset's last stage over the whole run, at the rate that `fixed` has."""
    last = preset_stages(preset)[-1]
    (fixed,) = preset_stages(preset.model_copy(update={"name": "fixed"}))
    return last.model_copy(update={"epochs": fixed.epochs, "learning_rate": fixed.learning_rate})


def table(arms: dict[str, list[dict[str, Any]]]) -> str:
    """Returns the comparison as Markdown, `fixed` being the first arm."""
    baseline = arms["fixed"]
    target = statistics.mean(result["epochs"][-1]["full_size_top1"] for result in baseline)
    fixed_secs = statistics.mean(result["train_secs"] for result in baseline)
    lines = [
        "| arm | epochs | seconds | of fixed | test top-1 | against fixed | "
        f"time to {target:.1%} val |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for arm, results in arms.items():
        secs = statistics.mean(result["train_secs"] for result in results)
        hits = [result["test_hits"] for result in results]
        gain = difference(hits, [result["test_hits"] for result in baseline[: len(hits)]])
        lines.append(
            f"| {arm} | {results[0]['epochs'][-1]['epoch']:.1f} | {secs:.0f} | "
            f"{secs / fixed_secs:.2f} | {_percent(interval(hits))} | "
            f"{'' if arm == 'fixed' else _points(gain)} | {_times(results, target, fixed_secs)} |"
        )
    return "\n".join(lines)


def dips_table(arms: dict[str, list[dict[str, Any]]]) -> str:
    """Returns what each switch of each training cost, as Markdown."""
    lines = [
        "| arm | switch | points lost, a seed each | epochs until regained |",
        "| --- " * 4 + "|",
    ]
    for arm, results in arms.items():
        for switch in zip(*(dips(result["epochs"]) for result in results), strict=True):
            lost = ", ".join(f"{100 * dip.lost:+.1f}" for dip in switch)
            back = ", ".join(
                "never" if dip.regained_epochs is None else f"{dip.regained_epochs:.1f}"
                for dip in switch
            )
            lines.append(
                f"| {arm} | {switch[0].from_px} to {switch[0].to_px} px | {lost} | {back} |"
            )
    return "\n".join(lines)


def _percent(value: Interval) -> str:
    return f"{100 * value.mean:.1f} % ({100 * value.low:.1f} to {100 * value.high:.1f})"


def _points(value: Interval) -> str:
    return f"{100 * value.mean:+.1f} ({100 * value.low:+.1f} to {100 * value.high:+.1f})"


def _times(results: list[dict[str, Any]], target: float, fixed_secs: float) -> str:
    times = [seconds_to(result["epochs"], target) for result in results]
    return ", ".join("never" if secs is None else f"{secs / fixed_secs:.2f}" for secs in times)


def curves(result: dict[str, Any]) -> list[tuple[float, float]]:
    """Returns (training seconds, val top-1 at the full size) after each epoch."""
    points, elapsed_secs = [(0.0, 0.0)], 0.0
    for epoch in result["epochs"]:
        elapsed_secs += epoch["train_secs"]
        points.append((elapsed_secs, epoch["full_size_top1"]))
    return points


def main() -> None:
    """Trains what is not trained yet, and prints the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=sorted(DATASETS), required=True)
    parser.add_argument(
        "--presets", nargs="+", default=["short", "journal"], help="what is held against `fixed`"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cost-runs", type=int, default=3, help="that the seconds come from")
    parser.add_argument("--epochs", type=float, help="of the arms of equal epochs")
    parser.add_argument("--image-size-px", type=int, help="of the last stage")
    parser.add_argument("--export", help="default: the demo's ladybirds, painted first")
    parser.add_argument("--weights", default="none", help="as trainer.base_weights")
    parser.add_argument("--work", default="runs/progressive", help="results; goes on from there")
    comparison = Comparison(parser.parse_args())
    arms = comparison.run()
    print(f"\n{table(arms)}\n\n{dips_table(arms)}")
    drawn = {arm: [curves(result) for result in results] for arm, results in arms.items()}
    title = f"{comparison.arguments.dataset}: val top-1 at {comparison.size_px} px"
    (comparison.work / "curves.svg").write_text(svg(drawn, title))


if __name__ == "__main__":
    main()
