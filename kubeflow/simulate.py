"""A compiled pipeline run as Kubeflow's drivers and launchers would run it, on this machine.

It proves that the file and the entrypoint fit Kubeflow's way of handing things over; of Argo,
admission, RBAC, ML Metadata's server and GPUs it proves nothing.

    simulation = Simulation(Path("kfp"))
    simulation.run(read_compiled(Path("pipeline.yaml")), {"export_dir": "/data/export"})

What the driver does, as `backend/src/v2/driver` of kubeflow/pipelines says:
- inputs come with the artifact's number as name, an empty type, and metadata from ML Metadata;
- outputs come with a URI under the pipeline root and the type of the component's spec;
- a step is reused if its parameters, the names of its inputs, its outputs and its container are
  those of an earlier one, and its caching is not off.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from kubeflow.compiled import Compiled
from kubeflow.simulated_launcher import Json, Launcher, Start, StepFailed, start_process


@dataclass(frozen=True)
class StepResult:
    """How a step of a simulated run ended.

    Attributes:
        reused: whether an earlier result was taken.
        artifacts: by output key: `name`, `uri`, `metadata`.
    """

    reused: bool
    artifacts: Mapping[str, Json]


@dataclass
class Simulation:
    """A pretend cluster: what it stores outlives a run.

    Attributes:
        directory: for the object store and the steps' file systems.
        start: starts a container's command; by default as a process.
        say: takes lines for people.
    """

    directory: Path
    start: Start = start_process
    say: Callable[[str], None] = lambda line: None
    _cache: dict[str, StepResult] = field(default_factory=dict)
    _runs: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _names: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def store(self) -> Path:
        """Directory of the pretend object store: `minio/<bucket>/<key>` and so on."""
        return self.directory / "store"

    def run(self, compiled: Compiled, given: Mapping[str, str]) -> dict[str, StepResult]:
        """Runs a pipeline; returns how its steps ended, in order.

        Args:
            compiled: the pipeline.
            given: values of its parameters; the rest have their defaults.

        Raises:
            ConfigError: if a parameter is unknown or missing.
            StepFailed: if a step fails.
        """
        arguments, number = compiled.arguments(given), next(self._runs)
        results: dict[str, StepResult] = {}
        tasks = compiled.spec["root"]["dag"]["tasks"]
        for step in TopologicalSorter({s: _upstream(t) for s, t in tasks.items()}).static_order():
            call = _Call(compiled, step, arguments, results)
            try:
                results[step] = self._run_step(call, f"run-{number}")
            except StepFailed as error:
                raise StepFailed(f"{step}: {error}") from error
            self.say(f"{step:<20} {'reused' if results[step].reused else 'ran'}")
        return results

    def _run_step(self, call: _Call, run: str) -> StepResult:
        key = call.cache_key() if call.may_be_reused else None
        if key in self._cache:
            return StepResult(True, self._cache[key].artifacts)
        root = self.directory / run / call.step
        executor_input = {
            "inputs": {"parameterValues": call.parameters, "artifacts": call.artifacts},
            "outputs": {
                "artifacts": call.outputs(run),
                "outputFile": str(root / "tmp/kfp_outputs/output_metadata.json"),
            },
        }
        written = Launcher(self.store, self.start).launch(call.container, executor_input, root)
        named = {key: {"name": str(next(self._names)), **each} for key, each in written.items()}
        result = StepResult(False, named)
        if key is not None:
            self._cache[key] = result
        return result


@dataclass(frozen=True)
class _Call:
    """One step, with what it is called with."""

    compiled: Compiled
    step: str
    arguments: Mapping[str, Any]
    results: Mapping[str, StepResult]

    @property
    def task(self) -> Json:
        return dict(self.compiled.spec["root"]["dag"]["tasks"][self.step])

    @property
    def component(self) -> Json:
        return dict(self.compiled.spec["components"][self.task["componentRef"]["name"]])

    @property
    def container(self) -> Json:
        executors = self.compiled.spec["deploymentSpec"]["executors"]
        executor = executors[self.component["executorLabel"]]
        if "container" not in executor:
            raise StepFailed(f"no executor of open-source Kubeflow: {', '.join(executor)}")
        return dict(executor["container"])

    @property
    def may_be_reused(self) -> bool:
        return bool(self.task.get("cachingOptions", {}).get("enableCache"))

    @property
    def parameters(self) -> Json:
        values = {}
        for name, source in self.task.get("inputs", {}).get("parameters", {}).items():
            if "componentInputParameter" in source:
                values[name] = self.arguments[source["componentInputParameter"]]
            elif "runtimeValue" in source:
                values[name] = source["runtimeValue"]["constant"]
            else:
                raise StepFailed(f"parameter {name} comes from {', '.join(source)}")
        return values

    @property
    def artifacts(self) -> Json:
        inputs = {}
        for name, source in self.task.get("inputs", {}).get("artifacts", {}).items():
            output = source["taskOutputArtifact"]
            artifact = self.results[output["producerTask"]].artifacts[output["outputArtifactKey"]]
            inputs[name] = {"artifacts": [{**artifact, "type": {"instanceSchema": ""}}]}
        return inputs

    def outputs(self, run: str) -> Json:
        root = f"{self.compiled.pipeline_root.rstrip('/')}/{self.compiled.name}/{run}"
        return {
            key: {
                "artifacts": [
                    {
                        "uri": f"{root}/{self.step}/{key}",
                        "type": each["artifactType"],
                        "metadata": each.get("metadata", {}),
                    }
                ]
            }
            for key, each in self._output_specs.items()
        }

    @property
    def _output_specs(self) -> Json:
        return dict(self.component.get("outputDefinitions", {}).get("artifacts", {}))

    def cache_key(self) -> str:
        names = {
            key: [a["name"] for a in each["artifacts"]] for key, each in self.artifacts.items()
        }
        container = {key: self.container.get(key) for key in ("image", "command", "args")}
        content = [self.parameters, names, self._output_specs, container]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _upstream(task: Json) -> set[str]:
    artifacts = task.get("inputs", {}).get("artifacts", {}).values()
    producers = {source["taskOutputArtifact"]["producerTask"] for source in artifacts}
    return producers | set(task.get("dependentTasks", []))
