"""What is asked of a config before it is compiled for a cluster."""

from __future__ import annotations

from typing import Literal

from pipeline.beam_arguments import works_here
from pipeline.config import PipelineConfig
from pipeline.kubeflow_settings import KubeflowSettings
from schemas.errors import ConfigError, did_you_mean

Target = Literal["kubeflow", "vertex"]

SCHEMES = ("minio://", "s3://", "gs://")
SHARED_SCHEMES = ("gs://",)
"""Of pipeline roots that Beam workers elsewhere can see."""


def check_settings(config: PipelineConfig, image: str, pipeline_root: str, target: Target) -> None:
    """Raises ConfigError if something does not fit the target."""
    if not image or any(sign.isspace() for sign in image):
        raise ConfigError(
            f"--image takes an image such as registry/fieldmark:1. Received: {image!r}."
        )
    shared = target == "vertex" or not works_here(config.beam_args)
    allowed = SHARED_SCHEMES if shared else SCHEMES
    why = " (Vertex AI and Beam workers elsewhere see no other)" if shared else ""
    if not pipeline_root.startswith(allowed):
        raise ConfigError(
            f"--pipeline-root takes a URI that starts with {', '.join(allowed)}{why}. "
            f"Received: {pipeline_root!r}."
        )
    if target == "vertex":
        _check_vertex(config.kubeflow)


def check_steps(settings: KubeflowSettings, steps: tuple[str, ...]) -> None:
    """Raises ConfigError if resources are given to a step that the pipeline has not.

    Args:
        settings: of the cluster.
        steps: of the pipeline.
    """
    for name in settings.steps:
        if name not in steps:
            raise ConfigError(
                f"kubeflow.steps: no step is called {name!r}. Allowed: {', '.join(steps)}."
                f"{did_you_mean(name, steps)}"
            )


def _check_vertex(settings: KubeflowSettings) -> None:
    if not settings.volume.mount_path.startswith("/gcs/"):
        raise ConfigError(
            "Vertex AI has no volumes, but shows buckets under /gcs: set "
            "kubeflow.volume.mount_path=/gcs/BUCKET/FOLDER. "
            f"Received: {settings.volume.mount_path!r}."
        )
    unknown = list(_unknown_to_vertex(settings))
    if unknown:
        raise ConfigError(
            f"Vertex AI knows nothing of {', '.join(unknown)}. "
            "Leave it out, or compile for Kubeflow."
        )


def _unknown_to_vertex(settings: KubeflowSettings) -> list[str]:
    pods = {"pod": settings.pod, **{f"steps.{name}": pod for name, pod in settings.steps.items()}}
    names = [
        f"kubeflow.{place}.{key}"
        for place, pod in pods.items()
        for key in ("node_selector", "tolerations", "shared_memory")
        if getattr(pod, key)
    ]
    names += [
        f"kubeflow.{key}" for key in ("secrets", "image_pull_secrets") if getattr(settings, key)
    ]
    return names + (["kubeflow.train_job"] if settings.train_job.kind != "none" else [])
