"""What a pipeline asks of a cluster: storage, secrets, and the resources of each step's pod.

They are in the config for every run, and used only where it is compiled for a cluster.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.settings import Settings

TRAINER = "ProgressiveTrainer"
"""The step that may have others do its work."""

Quantity = Annotated[
    str,
    Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$", coerce_numbers_to_str=True),
]
"""Kubernetes' way of writing an amount: 500m, 4, 16Gi."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""A name that Kubernetes takes."""


class TolerationSettings(Settings):
    """A taint of nodes that a pod may be placed on all the same."""

    key: str | None = None
    """Key of the taint; without one every key is tolerated, and the operator must be Exists."""

    operator: Literal["Exists", "Equal"] = "Exists"
    """Whether the taint's value must be the one given."""

    value: str | None = None
    """Value of the taint, with Equal."""

    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint; without one every effect is tolerated."""


class PodSettings(Settings):
    """Where a step's pod runs, and with how much."""

    cpu: Quantity | None = None
    """CPU cores, at most and at least: 500m, 4. Default: the cluster's own."""

    memory: Quantity | None = None
    """Memory, at most and at least: 16Gi. Default: the cluster's own."""

    gpus: int = Field(0, ge=0)
    """GPUs of the pod."""

    gpu_resource: str = "nvidia.com/gpu"
    """Kubernetes' name of the resource that `gpus` are counted in."""

    node_selector: dict[str, str] = {}
    """Labels that the node must have."""

    tolerations: tuple[TolerationSettings, ...] = ()
    """Taints that the node may have."""

    shared_memory: Quantity | None = None
    """Size of /dev/shm, as memory: 8Gi. NCCL between several GPUs wants it. Default: 64 MB."""


class SecretSettings(Settings):
    """A secret of the namespace, given to every step."""

    name: Name
    """Name of the secret."""

    mount_path: str | None = None
    """Directory where its keys appear as files."""

    env: dict[str, str] = {}
    """Environment variables by the secret's keys: {"accesskey": "AWS_ACCESS_KEY_ID"}."""


class VolumeSettings(Settings):
    """The volume that every step sees: exports, checkpoints, pushed models."""

    claim: Name = "fieldmark"
    """Name of the PersistentVolumeClaim, ReadWriteMany, in the namespace of the runs."""

    size: Quantity = "500Gi"
    """Size that `fieldmark kubeflow manifests` asks for."""

    mount_path: str = Field("/fieldmark", pattern=r"^/.+[^/]$")
    """Where it appears in the pods. What a run writes lies under `runs/<name>` in it."""


class TrainJobSettings(Settings):
    """Training on several pods, started by the trainer's step."""

    kind: Literal["none", "TFJob", "TrainJob"] = "none"
    """Resource to create: TFJob (Training Operator v1), TrainJob (Kubeflow Trainer v2), or none,
    and the trainer's own pod trains."""

    workers: int = Field(2, ge=2)
    """Pods that train together, each with the resources that `steps` gives ProgressiveTrainer; the
    step's own pod, which waits, has those of `pod`."""

    image: str | None = None
    """Image of the workers. Default: the one that the pipeline is compiled with."""

    runtime: Name = "fieldmark"
    """TrainJob: the TrainingRuntime it refers to; `fieldmark kubeflow manifests` prints it."""

    timeout_secs: int = Field(7 * 24 * 3600, ge=60)
    """Time after which the job is given up, in seconds."""


class KubeflowSettings(Settings):
    """What a pipeline asks of a cluster; used by `fieldmark kubeflow` only."""

    volume: VolumeSettings = VolumeSettings()
    """The volume that every step sees."""

    pod: PodSettings = PodSettings()
    """The pods of all steps."""

    steps: dict[str, PodSettings] = {}
    """What differs for a step, by its name: {"ProgressiveTrainer": {"gpus": 2}}."""

    secrets: tuple[SecretSettings, ...] = ()
    """Secrets given to every step."""

    image_pull_secrets: tuple[Name, ...] = ()
    """Secrets that the image is fetched with."""

    train_job: TrainJobSettings = TrainJobSettings()
    """Training on several pods."""

    def own_pod_of(self, step: str) -> PodSettings:
        """Returns the pod of a step in the pipeline: one that waits for others needs little."""
        waits = step == TRAINER and self.train_job.kind != "none"
        return self.pod if waits else self.pod_of(step)

    def pod_of(self, step: str) -> PodSettings:
        """Returns what a step's work needs: what `steps` says of it, else what `pod` says."""
        own = self.steps.get(step)
        if own is None:
            return self.pod
        return self.pod.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})
