"""What trains on several pods: a TFJob (Training Operator v1) or a TrainJob (Kubeflow Trainer v2).

The pods run the training process of `components.progressive_trainer.worker`, all with the same job
file in the shared volume. Training Operator writes TF_CONFIG itself; for a TrainJob `train_worker`
makes it of the pod's number, since Trainer v2 knows nothing of TensorFlow.

    manifest(asked, name="fieldmark-0123", namespace="nature", job_file="/fieldmark/.../job.json")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.kubeflow_settings import (
    PodSettings,
    SecretSettings,
    TrainJobSettings,
    VolumeSettings,
)

Json = dict[str, Any]

PORT = 2222
LABELS = {"app.kubernetes.io/name": "fieldmark", "app.kubernetes.io/component": "training"}
VOLUME, SHARED_MEMORY = "fieldmark", "shm"
NODE = "node"
"""Name of a TrainJob's job and of its container, as Trainer v2 wants them."""


@dataclass(frozen=True)
class Kind:
    """Where the API server keeps a kind of resource, and how its pods are found.

    Attributes:
        group: API group.
        version: of the group.
        plural: in URLs.
        chief_labels: of the pod that writes; `{name}` is the resource's.
    """

    group: str
    version: str
    plural: str
    chief_labels: str


KINDS = {
    "TFJob": Kind(
        "kubeflow.org",
        "v1",
        "tfjobs",
        "training.kubeflow.org/job-name={name},training.kubeflow.org/replica-type=worker,"
        "training.kubeflow.org/replica-index=0",
    ),
    "TrainJob": Kind(
        "trainer.kubeflow.org",
        "v1alpha1",
        "trainjobs",
        "jobset.sigs.k8s.io/jobset-name={name},batch.kubernetes.io/job-completion-index=0",
    ),
}


@dataclass(frozen=True)
class TrainJobRequest:
    """What the trainer's pod was told (`train_settings`).

    Attributes:
        job: kind, workers, image and so on.
        pod: of each worker.
        volume: that all share.
        secrets: given to each worker.
        image_pull_secrets: that the image is fetched with.
    """

    job: TrainJobSettings
    pod: PodSettings
    volume: VolumeSettings
    secrets: tuple[SecretSettings, ...] = ()
    image_pull_secrets: tuple[str, ...] = ()

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> TrainJobRequest:
        """Reads what `train_settings.train_job_environment` wrote."""
        own = {key: told[key] for key in TrainJobSettings.model_fields}
        return cls(
            TrainJobSettings.model_validate(own),
            PodSettings.model_validate(told["pod"]),
            VolumeSettings.model_validate(told["volume"]),
            tuple(SecretSettings.model_validate(each) for each in told["secrets"]),
            tuple(told["image_pull_secrets"]),
        )


def manifest(asked: TrainJobRequest, *, name: str, namespace: str, job_file: str) -> Json:
    """Returns the resource.

    Args:
        asked: what it is to be.
        name: of the resource.
        namespace: it lives in.
        job_file: in the shared volume.
    """
    kind = KINDS[asked.job.kind]
    spec = (
        _tf_job(asked, job_file) if asked.job.kind == "TFJob" else _train_job(asked, name, job_file)
    )
    return {
        "apiVersion": f"{kind.group}/{kind.version}",
        "kind": asked.job.kind,
        "metadata": {"name": name, "namespace": namespace, "labels": dict(LABELS)},
        "spec": spec,
    }


def command(job_file: str) -> list[str]:
    """Returns the command of every worker."""
    return ["python", "-m", "kubeflow.train_worker", job_file]


def _tf_job(asked: TrainJobRequest, job_file: str) -> Json:
    container = {
        **_container(asked, job_file),
        "name": "tensorflow",
        "ports": [{"name": "tfjob-port", "containerPort": PORT}],
    }
    return {
        "runPolicy": {
            "cleanPodPolicy": "Running",
            "backoffLimit": 3,
            "activeDeadlineSeconds": asked.job.timeout_secs,
        },
        "tfReplicaSpecs": {
            "Worker": {
                "replicas": asked.job.workers,
                # Started again, a worker goes on from the last checkpoint.
                "restartPolicy": "OnFailure",
                "template": {
                    "metadata": {"labels": dict(LABELS)},
                    "spec": {"containers": [container], **_pod(asked)},
                },
            }
        },
    }


def _train_job(asked: TrainJobRequest, name: str, job_file: str) -> Json:
    container = _container(asked, job_file)
    environment = [
        {"name": "FIELDMARK_WORKERS", "value": str(asked.job.workers)},
        {"name": "FIELDMARK_WORKER_HOST", "value": f"{name}-{NODE}-0-{{index}}.{name}:{PORT}"},
    ]
    return {
        "runtimeRef": {
            "apiGroup": "trainer.kubeflow.org",
            "kind": "TrainingRuntime",
            "name": asked.job.runtime,
        },
        "trainer": {
            "image": container["image"],
            "command": container["command"],
            "env": environment + container["env"],
            "numNodes": asked.job.workers,
            "resourcesPerNode": container["resources"],
        },
    }


def training_runtime(asked: TrainJobRequest, *, namespace: str) -> Json:
    """Returns the TrainingRuntime that a TrainJob refers to: pods with the volume, and no more."""
    template = {"spec": {"containers": [_mounted(asked, {"name": NODE})], **_pod(asked)}}
    template["spec"]["restartPolicy"] = "OnFailure"
    job = {
        "name": NODE,
        "template": {
            "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
            "spec": {"backoffLimit": 3, "template": template},
        },
    }
    return {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainingRuntime",
        "metadata": {"name": asked.job.runtime, "namespace": namespace, "labels": dict(LABELS)},
        "spec": {
            "mlPolicy": {"numNodes": asked.job.workers},
            "template": {"spec": {"replicatedJobs": [job]}},
        },
    }


def _container(asked: TrainJobRequest, job_file: str) -> Json:
    limits: Json = {}
    if asked.pod.cpu:
        limits["cpu"] = asked.pod.cpu
    if asked.pod.memory:
        limits["memory"] = asked.pod.memory
    if asked.pod.gpus:
        limits[asked.pod.gpu_resource] = str(asked.pod.gpus)
    environment = [
        {
            "name": variable,
            "valueFrom": {"secretKeyRef": {"name": secret.name, "key": key}},
        }
        for secret in asked.secrets
        for key, variable in secret.env.items()
    ]
    return _mounted(
        asked,
        {
            "image": asked.job.image,
            "command": command(job_file),
            "env": environment,
            "resources": {"limits": limits, "requests": dict(limits)},
        },
    )


def _mounted(asked: TrainJobRequest, container: Json) -> Json:
    mounts: list[Json] = [{"name": VOLUME, "mountPath": asked.volume.mount_path}]
    if asked.pod.shared_memory:
        mounts.append({"name": SHARED_MEMORY, "mountPath": "/dev/shm"})
    mounts += [
        {"name": f"secret-{secret.name}", "mountPath": secret.mount_path, "readOnly": True}
        for secret in asked.secrets
        if secret.mount_path
    ]
    return {**container, "volumeMounts": mounts}


def _pod(asked: TrainJobRequest) -> Json:
    volumes: list[Json] = [
        {"name": VOLUME, "persistentVolumeClaim": {"claimName": asked.volume.claim}}
    ]
    if asked.pod.shared_memory:
        memory = {"medium": "Memory", "sizeLimit": asked.pod.shared_memory}
        volumes.append({"name": SHARED_MEMORY, "emptyDir": memory})
    volumes += [
        {"name": f"secret-{secret.name}", "secret": {"secretName": secret.name}}
        for secret in asked.secrets
        if secret.mount_path
    ]
    pod: Json = {"volumes": volumes}
    if asked.pod.node_selector:
        pod["nodeSelector"] = dict(asked.pod.node_selector)
    if asked.pod.tolerations:
        pod["tolerations"] = [each.model_dump(exclude_none=True) for each in asked.pod.tolerations]
    if asked.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in asked.image_pull_secrets]
    return pod
