"""How the trainer's pod is told to train on several pods: what `train_job` needs, in an environment
variable, and the module that the trainer's step then starts instead of training itself."""

from __future__ import annotations

import json
from typing import Any

from pipeline.kubeflow_settings import TRAINER, KubeflowSettings

TRAIN_JOB_VARIABLE = "FIELDMARK_TRAIN_JOB"
"""Environment variable with what `kubeflow.train_job` needs, as JSON."""

COMMAND_VARIABLE = "FIELDMARK_TRAINING_COMMAND"
"""As the trainer's executor knows it; importing that costs seconds of TFX."""


def train_job_environment(settings: KubeflowSettings, *, image: str) -> list[dict[str, str]]:
    """Returns environment variables of the trainer's container, as KFP's EnvVar.

    Args:
        settings: of the pipeline.
        image: that it is compiled with.
    """
    if settings.train_job.kind == "none":
        return []
    told: dict[str, Any] = {
        **settings.train_job.model_dump(mode="json"),
        "image": settings.train_job.image or image,
        "volume": settings.volume.model_dump(mode="json"),
        "pod": settings.pod_of(TRAINER).model_dump(mode="json"),
        "secrets": [secret.model_dump(mode="json") for secret in settings.secrets],
        "image_pull_secrets": list(settings.image_pull_secrets),
    }
    return [
        {"name": COMMAND_VARIABLE, "value": "kubeflow.train_job"},
        {"name": TRAIN_JOB_VARIABLE, "value": json.dumps(told, sort_keys=True)},
    ]
