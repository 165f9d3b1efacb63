"""What a namespace must hold before a pipeline runs in it: the volume's claim, and, for training on
several pods, the rights of the account that the steps run as.

    documents(config.kubeflow, namespace="nature", service_account="pipeline-runner")
"""

from __future__ import annotations

from typing import Any

from kubeflow.train_manifest import KINDS, LABELS, TrainJobRequest, training_runtime
from pipeline.kubeflow_settings import TRAINER, KubeflowSettings

Json = dict[str, Any]

ROLE = "fieldmark-train-job"


def documents(settings: KubeflowSettings, *, namespace: str, service_account: str) -> list[Json]:
    """Returns the manifests.

    Args:
        settings: of the pipeline.
        namespace: that it runs in.
        service_account: that its pods run as.
    """
    made = [_claim(settings, namespace)]
    if settings.train_job.kind == "none":
        return made
    made += [_role(settings.train_job.kind, namespace), _binding(namespace, service_account)]
    if settings.train_job.kind == "TrainJob":
        asked = TrainJobRequest(
            settings.train_job,
            settings.pod_of(TRAINER),
            settings.volume,
            settings.secrets,
            settings.image_pull_secrets,
        )
        made.append(training_runtime(asked, namespace=namespace))
    return made


def _claim(settings: KubeflowSettings, namespace: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": settings.volume.claim, "namespace": namespace, "labels": LABELS},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": settings.volume.size}},
        },
    }


def _role(kind: str, namespace: str) -> Json:
    resource = KINDS[kind]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": ROLE, "namespace": namespace, "labels": LABELS},
        "rules": [
            {
                "apiGroups": [resource.group],
                "resources": [resource.plural],
                "verbs": ["create", "get", "delete"],
            },
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
            {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        ],
    }


def _binding(namespace: str, service_account: str) -> Json:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": ROLE, "namespace": namespace, "labels": LABELS},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ROLE},
        "subjects": [{"kind": "ServiceAccount", "name": service_account, "namespace": namespace}],
    }
