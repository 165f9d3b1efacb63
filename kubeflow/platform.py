"""The second document of a compiled pipeline: what pods ask of Kubernetes, CPU and memory aside.

Its fields are those of kfp-kubernetes' `KubernetesExecutorConfig`. Names of secrets and claims
stand twice, as that package writes them: older back ends read the plain field, newer ones the
parameter.

    platform_document({"Transform_executor": "Transform"}, settings)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.kubeflow_settings import (
    KubeflowSettings,
    PodSettings,
    SecretSettings,
    TolerationSettings,
)

Json = dict[str, Any]

SHARED_MEMORY_VOLUME = "shm"


def platform_document(steps: Mapping[str, str], settings: KubeflowSettings) -> Json:
    """Returns the document.

    Args:
        steps: step by the name of its executor.
        settings: what the pods ask for.
    """
    executors = {name: executor_config(settings, step) for name, step in steps.items()}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def executor_config(settings: KubeflowSettings, step: str) -> Json:
    """Returns the KubernetesExecutorConfig of a step."""
    pod, volume = settings.own_pod_of(step), settings.volume
    mount = {"constant": volume.claim, "pvcNameParameter": _constant(volume.claim)}
    config: Json = {"pvcMount": [{**mount, "mountPath": volume.mount_path}]}
    config |= _secrets(settings.secrets)
    if settings.image_pull_secrets:
        config["imagePullSecret"] = [_secret(name) for name in settings.image_pull_secrets]
    return config | _placement(pod)


def _placement(pod: PodSettings) -> Json:
    config: Json = {}
    if pod.node_selector:
        config["nodeSelector"] = {"labels": dict(pod.node_selector)}
    if pod.tolerations:
        config["tolerations"] = [_toleration(each) for each in pod.tolerations]
    if pod.shared_memory:
        config["enabledSharedMemory"] = {
            "volumeName": SHARED_MEMORY_VOLUME,
            "size": pod.shared_memory,
        }
    return config


def _toleration(toleration: TolerationSettings) -> Json:
    return toleration.model_dump(exclude_none=True)


def _secrets(secrets: tuple[SecretSettings, ...]) -> Json:
    config: Json = {}
    for secret in secrets:
        if secret.mount_path:
            mounted = {**_secret(secret.name), "mountPath": secret.mount_path}
            config.setdefault("secretAsVolume", []).append(mounted)
        if secret.env:
            keys = [{"secretKey": key, "envVar": name} for key, name in secret.env.items()]
            config.setdefault("secretAsEnv", []).append({**_secret(secret.name), "keyToEnv": keys})
    return config


def _secret(name: str) -> Json:
    return {"secretName": name, "secretNameParameter": _constant(name)}


def _constant(text: str) -> Json:
    return {"runtimeValue": {"constant": text}}
