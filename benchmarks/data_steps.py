"""Runs the data steps of a pipeline on any Beam runner, and says what each took.

    python benchmarks/data_steps.py --export EXPORT --out DIR --model DIR \\
        --beam=--runner=FnApiRunner [--services PID ...]

ExportExampleGen, StatisticsGen, Transform and Evaluator are those that `pipeline/dag.py` wires,
with their own executors, called as TFX's launcher calls them, but without ML Metadata. The model is
the smallest network, not trained: what it says is wrong, and the same every time. Prints a line of
JSON: wall and CPU seconds of each step, the CPU seconds of this process, of its children and of the
services (by process id) with theirs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

STEPS = ("ExportExampleGen", "StatisticsGen", "Transform", "Evaluator")
OVERRIDES = (
    "trainer.schedule={stages: [{image_size_px: 128, global_batch: 16, epochs: 1, "
    "learning_rate: 0.001}]}",
    "evaluation.min_top1=0.0",
)
MODEL = "Format-Serving"


def run_data_steps(
    export: Path, out: Path, model: Path, beam_args: Sequence[str], services: Sequence[int]
) -> dict[str, dict[str, float]]:
    """Returns what each step took; its outputs lie in out/<step>/<output>.

    Args:
        export: to read.
        out: for the artifacts.
        model: directory of a Model artifact.
        beam_args: of the runner.
        services: ids of processes that work for the runner.
    """
    from tfx.types import standard_artifacts

    from pipeline.beam_arguments import beam_arguments
    from pipeline.config import load_config
    from pipeline.dag import create_pipeline
    from schemas.record import SCHEMA_FILE

    beam = f"beam_args={json.dumps(list(beam_args))}"
    config = load_config(
        "demo", overrides=[*OVERRIDES, f"work_dir={out}", beam], export_dir=str(export)
    )
    pipeline = create_pipeline(config, export_fingerprint="measured")
    steps = {step.id: step for step in pipeline.components}
    arguments = beam_arguments(config.beam_args)
    artifacts: dict[str, list[Any]] = {"model": [_artifact(standard_artifacts.Model, model)]}
    artifacts["schema"] = [_artifact(standard_artifacts.Schema, out / "schema")]
    shutil.copyfile(SCHEMA_FILE, out / "schema" / "schema.pbtxt")
    took = {}
    for name in STEPS:
        wall, cpu = time.perf_counter(), cpu_secs(services)
        made = _run(steps[name], _inputs_of(name, artifacts), out, arguments)
        took[name] = {
            "wall_secs": time.perf_counter() - wall,
            "cpu_secs": cpu_secs(services) - cpu,
        }
        artifacts |= made
    return took


def _inputs_of(step: str, artifacts: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """The wiring of pipeline/dag.py, without what only a whole run has."""
    if step == "ExportExampleGen":
        return {}
    if step == "StatisticsGen":
        return {name: artifacts[name] for name in ("examples", "schema")}
    if step == "Transform":
        return {name: artifacts[name] for name in ("examples", "schema", "taxonomy")}
    inputs = {name: artifacts[name] for name in ("model", "taxonomy", "photo_index")}
    return {**inputs, "examples": artifacts["transformed_examples"]}


def _run(
    step: Any, inputs: dict[str, list[Any]], out: Path, beam_args: Sequence[str]
) -> dict[str, list[Any]]:
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

    outputs = {
        name: [_artifact(channel.type, out / step.id / name)]
        for name, channel in step.outputs.items()
    }
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=list(beam_args), tmp_dir=str(out / "temporary"), unique_id=step.id
    )
    step.executor_spec.executor_class(context).Do(inputs, outputs, dict(step.exec_properties))
    return outputs


def _artifact(kind: Any, directory: Path) -> Any:
    directory.mkdir(parents=True, exist_ok=True)
    artifact = kind()
    artifact.uri = str(directory)
    return artifact


def make_model(export: Path, directory: Path) -> None:
    """Writes a Model artifact of a network that was not trained.

    Args:
        export: whose leaves it names.
        directory: of the artifact.
    """
    import keras

    from components.progressive_trainer.networks import build_network
    from schemas.open_source import open_source
    from serving.saved_model import export_saved_model

    keras.utils.set_random_seed(7)
    taxonomy = open_source(str(export), "auto").taxonomy()
    network = build_network("small", num_leaves=len(taxonomy.leaf_taxon_ids), base_weights="none")
    export_saved_model(
        network, taxonomy, image_size_px=128, directory=directory / MODEL, manifest={}
    )


def cpu_secs(services: Sequence[int]) -> float:
    """Returns the CPU seconds of this process, of services, and of all their children so far."""
    return sum(_of_tree(psutil.Process(pid)) for pid in (os.getpid(), *services))


def _of_tree(process: psutil.Process) -> float:
    used = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue  # Ended in between; its parent counts it now or at the next look.
        used += times.user + times.system + times.children_user + times.children_system
    return used


def main() -> None:
    """Runs the steps, or makes the model where there is none."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--export", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--beam", action="append", default=[])
    parser.add_argument("--services", type=int, nargs="*", default=[])
    asked = parser.parse_args()
    import tfx.components  # noqa: F401 - mends TFMA's names, so it comes first; not to be counted

    if not (asked.model / MODEL).exists():
        make_model(asked.export, asked.model)
    took = run_data_steps(asked.export, asked.out, asked.model, asked.beam, asked.services)
    print(json.dumps(took))


if __name__ == "__main__":
    main()
