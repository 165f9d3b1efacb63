"""The pipeline compiled: one file that Kubeflow Pipelines 2 takes as it is, or Vertex AI's JSON.

The steps and their wiring are `pipeline.dag`'s, as they are for a run on one machine. Added is what
only a cluster asks for: the image, the entrypoint, resources, the volume, parameters with defaults.

    package = compile_pipeline(config, image="registry/fieldmark:1", pipeline_root="minio://b/root")
    package.write("pipeline.yaml")

Parameters of a run:
    export_dir: where the pods find the export: a directory in the volume.
    export_fingerprint: anything that changes when the export does. Kubeflow's cache knows nothing
        else of the photos, so the same value means: the same export, reuse what was made of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kubeflow.compile_checks import Target, check_settings, check_steps
from kubeflow.entrypoint import CODE_SCHEME, KEPT, MAPPED
from kubeflow.platform import platform_document
from kubeflow.quantity import amount, gigabytes
from kubeflow.train_settings import train_job_environment
from pipeline.beam_arguments import works_here
from pipeline.config import PipelineConfig
from pipeline.kubeflow_settings import TRAINER, PodSettings
from schemas.errors import ConfigError
from schemas.record import SCHEMA_FILE

Json = dict[str, Any]

EXPORT_DIR, EXPORT_FINGERPRINT = "export_dir", "export_fingerprint"
UNCACHED = ("LastBlessedModel", "StartingModel")
"""They look at what was pushed since, which no cache key knows."""


@dataclass(frozen=True)
class Package:
    """A compiled pipeline.

    Attributes:
        documents: the PipelineSpec and the platform document; for Vertex AI the job alone.
        target: what it is compiled for.
    """

    documents: tuple[Json, ...]
    target: Target

    @property
    def num_steps(self) -> int:
        """Number of its steps."""
        return len(self._spec["root"]["dag"]["tasks"])

    @property
    def parameters(self) -> dict[str, Any]:
        """Defaults of its parameters by name; None for one that each run must give."""
        definitions = self._spec["root"]["inputDefinitions"]["parameters"]
        return {name: each.get("defaultValue") for name, each in definitions.items()}

    @property
    def _spec(self) -> Json:
        job = self.documents[0]
        return dict(job["pipelineSpec"] if self.target == "vertex" else job)

    def text(self) -> str:
        """Returns the file's content."""
        if self.target == "vertex":
            return json.dumps(self.documents[0], indent=2, sort_keys=True) + "\n"
        return yaml.safe_dump_all(self.documents, sort_keys=True, width=100)

    def write(self, path: Path) -> None:
        """Writes the file.

        Raises:
            ConfigError: if its ending is not one that the target takes.
        """
        endings = (".json",) if self.target == "vertex" else (".yaml", ".yml")
        if path.suffix not in endings:
            raise ConfigError(
                f"{self.target} takes a file that ends in {' or '.join(endings)}. "
                f"Received: {str(path)!r}."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text(), encoding="utf-8")


def compile_pipeline(
    config: PipelineConfig,
    *,
    image: str,
    pipeline_root: str,
    export_fingerprint: str | None = None,
    target: Target = "kubeflow",
) -> Package:
    """Returns the compiled pipeline.

    Args:
        config: its `export_dir` becomes the parameter's default.
        image: that every step runs in.
        pipeline_root: URI that artifacts are written under.
        export_fingerprint: default of the parameter; without one each run must give it.
        target: what to compile for.

    Raises:
        ConfigError: if the settings do not fit a cluster.
    """
    check_settings(config, image, pipeline_root, target)
    job = _job(config, image, pipeline_root)
    spec = job["pipelineSpec"]
    spec["defaultPipelineRoot"] = pipeline_root
    defaults = {EXPORT_DIR: config.export_dir, EXPORT_FINGERPRINT: export_fingerprint}
    _set_defaults(spec, defaults)
    for step in UNCACHED:
        if step in spec["root"]["dag"]["tasks"]:
            spec["root"]["dag"]["tasks"][step]["cachingOptions"] = {}
    executors = _steps_by_executor(spec)
    check_steps(config.kubeflow, tuple(executors.values()))
    for name, step in executors.items():
        container = spec["deploymentSpec"]["executors"][name]["container"]
        container["resources"] = resources(config.kubeflow.own_pod_of(step))
        if step == TRAINER:
            container["env"] = train_job_environment(config.kubeflow, image=image)
    if target == "vertex":
        given = {key: value for key, value in defaults.items() if value is not None}
        job.setdefault("runtimeConfig", {})["parameterValues"] = given
        return Package((job,), target)
    return Package((spec, platform_document(executors, config.kubeflow)), target)


def resources(pod: PodSettings) -> Json:
    """Returns KFP's ResourceSpec of a pod; request and limit are the same."""
    spec: Json = {}
    if pod.cpu:
        for key in ("Limit", "Request"):
            spec |= {f"cpu{key}": amount(pod.cpu), f"resourceCpu{key}": pod.cpu}
    if pod.memory:
        for key in ("Limit", "Request"):
            spec |= {f"memory{key}": gigabytes(pod.memory), f"resourceMemory{key}": pod.memory}
    if pod.gpus:
        spec["accelerator"] = {
            "type": pod.gpu_resource,
            "count": str(pod.gpus),
            "resourceType": pod.gpu_resource,
            "resourceCount": str(pod.gpus),
        }
    return spec


def _job(config: PipelineConfig, image: str, pipeline_root: str) -> Json:
    from tfx.orchestration.data_types import RuntimeParameter
    from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
        KubeflowV2DagRunner,
        KubeflowV2DagRunnerConfig,
    )

    from pipeline.dag import create_pipeline

    # The pipeline's directories are in the volume: the pods have nothing else in common.
    work_dir = f"{config.kubeflow.volume.mount_path}/runs"
    pipeline = create_pipeline(
        config.model_copy(update={"work_dir": work_dir}),
        export_dir=RuntimeParameter(EXPORT_DIR, ptype=str),
        export_fingerprint=RuntimeParameter(EXPORT_FINGERPRINT, ptype=str),
        schema_file=_inside_the_image(SCHEMA_FILE),
        pipeline_root=pipeline_root,
        sees_named_files=False,  # the pods do, in the volume
    )
    uris = MAPPED if works_here(config.beam_args) else KEPT
    runner = KubeflowV2DagRunner(
        config=KubeflowV2DagRunnerConfig(
            default_image=image,
            default_commands=["python", "-m", "kubeflow.entrypoint", f"--uris={uris}"],
            use_pipeline_spec_2_1=True,
        ),
    )
    job: Json = runner.run(pipeline, write_out=False)
    return job


def _inside_the_image(path: Path) -> str:
    return CODE_SCHEME + path.resolve().relative_to(Path(__file__).resolve().parents[1]).as_posix()


def _set_defaults(spec: Json, defaults: dict[str, str | None]) -> None:
    """TFX drops the defaults of runtime parameters."""
    definitions = spec["root"]["inputDefinitions"]["parameters"]
    for name, value in defaults.items():
        if value is not None:
            definitions[name]["defaultValue"] = value


def _steps_by_executor(spec: Json) -> dict[str, str]:
    tasks = spec["root"]["dag"]["tasks"]
    components = spec["components"]
    return {
        components[task["componentRef"]["name"]]["executorLabel"]: step
        for step, task in tasks.items()
    }
