"""Training on several pods: created, waited for, shown, collected, cleaned up, found again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from fake_kubernetes import FakeKubernetes, condition, running

from components.progressive_trainer.cluster import read_cluster
from components.progressive_trainer.job import TrainingJob
from kubeflow.commands import command
from kubeflow.train_job import job_name, train
from kubeflow.train_manifest import TrainJobRequest, manifest
from kubeflow.train_resource import TrainResource
from kubeflow.train_settings import train_job_environment
from kubeflow.train_worker import tf_config
from pipeline.kubeflow_settings import KubeflowSettings
from schemas.errors import ConfigError, FieldmarkError
from schemas.settings import load_settings

POD = {
    "cpu": 8,
    "memory": "64Gi",
    "gpus": 2,
    "shared_memory": "8Gi",
    "node_selector": {"pool": "gpu"},
    "tolerations": [{"key": "gpu"}],
}


def settings(volume: Path | str = "/fieldmark", kind: str = "TFJob") -> KubeflowSettings:
    values = {
        "volume": {"mount_path": str(volume)},
        "steps": {"ProgressiveTrainer": POD},
        "secrets": [{"name": "store", "env": {"key": "STORE_KEY"}, "mount_path": "/store"}],
        "image_pull_secrets": ["registry"],
        "train_job": {"kind": kind, "workers": 3, "timeout_secs": 3600},
    }
    return load_settings(KubeflowSettings, values, source="test")


def asked(volume: Path | str = "/fieldmark", kind: str = "TFJob") -> TrainJobRequest:
    """As the trainer's pod reads it from its environment."""
    told = train_job_environment(settings(volume, kind), image="registry.example/fieldmark:1")
    return TrainJobRequest.read(
        json.loads({each["name"]: each["value"] for each in told}["FIELDMARK_TRAIN_JOB"])
    )


@pytest.fixture
def job(tmp_path: Path) -> TrainingJob:
    """A job as the trainer's step writes it: its photos are the pod's own."""
    own = tmp_path / "minio"
    own.mkdir()
    for name in ("train-1.gz", "val-1.gz", "taxonomy.csv"):
        (own / name).write_text(name)
    base = own / "base"
    base.mkdir()
    (base / "saved_model.pb").write_text("base")
    return TrainingJob(
        settings={"base_weights": str(base), "seed": 1},
        train_files=[str(own / "train-1.gz")],
        val_files=[str(own / "val-1.gz")],
        taxonomy_path=str(own / "taxonomy.csv"),
        model_dir=str(own / "out/model/Format-Serving"),
        history_dir=str(own / "out/history"),
        checkpoint_dir=str(tmp_path / "volume/runs/x/checkpoints/0123abcd"),
        manifest={"recipe": "r"},
    )


@pytest.fixture
def kubernetes() -> Iterator[FakeKubernetes]:
    with running(FakeKubernetes()) as fake:
        yield fake


def start(kubernetes: FakeKubernetes, job: TrainingJob, volume: Path, kind: str = "TFJob") -> None:
    resource = TrainResource(kubernetes.client(), kind, kubernetes.namespace, job_name(job))
    train(
        job,
        asked(volume, kind),
        resource,
        namespace=kubernetes.namespace,
        sleep=lambda _: None,
    )


def shared_job(resource: dict[str, Any]) -> tuple[Path, TrainingJob]:
    """The job file that a TFJob's workers are given, and what it says."""
    replicas = resource["spec"]["tfReplicaSpecs"]["Worker"]
    (container,) = replicas["template"]["spec"]["containers"]
    assert container["command"][:3] == ["python", "-m", "kubeflow.train_worker"]
    path = Path(container["command"][3])
    return path, TrainingJob.read(path)


def train_in(resource: dict[str, Any]) -> None:
    """What the pods do: read all that the job names, and write model and history."""
    path, job = shared_job(resource)
    for file in (*job.train_files, *job.val_files, job.taxonomy_path):
        assert Path(file).read_text() == Path(file).name
        assert Path(file).is_relative_to(path.parent)
    assert (Path(job.settings["base_weights"]) / "saved_model.pb").read_text() == "base"
    Path(job.model_dir).mkdir()
    (Path(job.model_dir) / "saved_model.pb").write_text("trained")
    (Path(job.history_dir) / "history.json").write_text("{}")
    resource["status"] = condition("Succeeded")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    (tmp_path / "volume").mkdir()
    return tmp_path / "volume"


def test_model_and_history_come_back_and_nothing_is_left(
    kubernetes: FakeKubernetes,
    job: TrainingJob,
    volume: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    looks: list[int] = []

    def look(resource: dict[str, Any]) -> None:
        looks.append(1)
        kubernetes.log.append(f"2026-01-01T00:00:0{len(looks)}Z step {len(looks)}")
        if len(looks) == 3:
            train_in(resource)

    kubernetes.on_look = look

    start(kubernetes, job, volume)

    assert (Path(job.model_dir) / "saved_model.pb").read_text() == "trained"
    assert (Path(job.history_dir) / "history.json").read_text() == "{}"
    assert capsys.readouterr().err == "step 1\nstep 2\nstep 3\n"
    assert kubernetes.objects == {}
    assert list((volume / "train-jobs").iterdir()) == []
    labels = {
        query["labelSelector"][0] for _, path, query in kubernetes.heard if path.endswith("/pods")
    }
    assert labels == {
        "training.kubeflow.org/job-name=fieldmark-0123abcd,"
        "training.kubeflow.org/replica-type=worker,training.kubeflow.org/replica-index=0"
    }


def test_step_that_is_started_again_waits_for_the_training_that_is_on(
    kubernetes: FakeKubernetes, job: TrainingJob, volume: Path
) -> None:
    class Killed(Exception):
        pass

    def die(resource: dict[str, Any]) -> None:
        raise Killed

    resource = TrainResource(kubernetes.client(), "TFJob", kubernetes.namespace, job_name(job))
    with pytest.raises(Killed):
        train(job, asked(volume), resource, namespace=kubernetes.namespace, sleep=die)
    ((_, name),) = kubernetes.objects
    assert name == "fieldmark-0123abcd"
    (copied,) = (volume / "train-jobs").rglob("train-1.gz")
    first_copy = copied.stat().st_ino

    def look(resource: dict[str, Any]) -> None:
        assert copied.stat().st_ino == first_copy, "photos are copied once"
        if "status" not in resource:
            train_in(resource)

    kubernetes.on_look = look
    start(kubernetes, job, volume)

    posts = [path for method, path, _ in kubernetes.heard if method == "POST"]
    assert posts == ["/apis/kubeflow.org/v1/namespaces/nature/tfjobs"]
    assert (Path(job.model_dir) / "saved_model.pb").read_text() == "trained"


def test_failed_training_says_why_and_is_replaced_when_asked_again(
    kubernetes: FakeKubernetes, job: TrainingJob, volume: Path
) -> None:
    def fail(resource: dict[str, Any]) -> None:
        path, _ = shared_job(resource)
        (path.parent / "error-of-worker-1.txt").write_text("There is no photo in the val split.")
        resource["status"] = condition("Failed", "BackoffLimitExceeded")

    kubernetes.on_look = fail
    with pytest.raises(FieldmarkError, match=r"^There is no photo in the val split\.$"):
        start(kubernetes, job, volume)
    assert kubernetes.objects == {}

    def fail_silently(resource: dict[str, Any]) -> None:
        resource["status"] = condition("Failed", "evicted")

    kubernetes.on_look = fail_silently
    with pytest.raises(FieldmarkError, match=r"TFJob fieldmark-0123abcd ended as Failed: evicted"):
        start(kubernetes, job, volume)

    kubernetes.objects["tfjobs", "fieldmark-0123abcd"] = {"status": condition("Failed")}
    kubernetes.on_look = lambda resource: train_in(resource) if "spec" in resource else None
    start(kubernetes, job, volume)
    assert (Path(job.model_dir) / "saved_model.pb").read_text() == "trained"


def test_server_that_is_away_for_a_while_is_waited_for(
    kubernetes: FakeKubernetes, job: TrainingJob, volume: Path
) -> None:
    kubernetes.on_create = lambda _: kubernetes.refuse.update({("GET", "objects"): [503] * 5})
    kubernetes.on_look = train_in
    start(kubernetes, job, volume)
    assert (Path(job.model_dir) / "saved_model.pb").is_file()


def test_server_that_stays_away_is_given_up_and_the_training_left_alone(
    kubernetes: FakeKubernetes, job: TrainingJob, volume: Path
) -> None:
    kubernetes.on_create = lambda _: kubernetes.refuse.update({("GET", "objects"): [503] * 500})
    with pytest.raises(FieldmarkError, match=r"not answered for 300 s \(HTTP 503\)\. TFJob field"):
        start(kubernetes, job, volume)
    assert len(kubernetes.objects) == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, r"may not work with tfjobs \(HTTP 403\)\. Apply what `fieldmark kubeflow manifests`"),
        (404, r"The cluster has no tfjobs: Kubeflow's training operator is not installed"),
        (422, r"Kubernetes refuses TFJob fieldmark-0123abcd \(HTTP 422\): "),
    ],
)
def test_refusals_say_what_to_do(
    kubernetes: FakeKubernetes, job: TrainingJob, volume: Path, status: int, message: str
) -> None:
    kubernetes.refuse = {("POST", "objects"): [status]}
    with pytest.raises(FieldmarkError, match=message):
        start(kubernetes, job, volume)


def test_resource_removed_by_others_is_noticed(
    kubernetes: FakeKubernetes, job: TrainingJob, volume: Path
) -> None:
    kubernetes.on_create = lambda _: kubernetes.objects.clear()
    with pytest.raises(FieldmarkError, match=r"was removed by somebody while it was training"):
        start(kubernetes, job, volume)


def test_tfjob_gives_each_worker_the_trainers_resources() -> None:
    made = manifest(asked(), name="n", namespace="nature", job_file="/fieldmark/j.json")

    assert (made["apiVersion"], made["kind"]) == ("kubeflow.org/v1", "TFJob")
    assert made["spec"]["runPolicy"]["activeDeadlineSeconds"] == 3600
    worker = made["spec"]["tfReplicaSpecs"]["Worker"]
    assert worker["replicas"] == 3
    pod = worker["template"]["spec"]
    (container,) = pod["containers"]
    assert container["name"] == "tensorflow"
    assert container["image"] == "registry.example/fieldmark:1"
    limits = {"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "2"}
    assert container["resources"] == {"limits": limits, "requests": limits}
    assert container["env"] == [
        {"name": "STORE_KEY", "valueFrom": {"secretKeyRef": {"name": "store", "key": "key"}}}
    ]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted == {"fieldmark": "/fieldmark", "shm": "/dev/shm", "secret-store": "/store"}
    assert {volume["name"] for volume in pod["volumes"]} == set(mounted)
    assert pod["nodeSelector"] == {"pool": "gpu"}
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert pod["imagePullSecrets"] == [{"name": "registry"}]


def test_trainjobs_pods_find_each_other_by_their_numbers() -> None:
    made = manifest(asked(kind="TrainJob"), name="n", namespace="nature", job_file="/f/j.json")
    assert made["apiVersion"] == "trainer.kubeflow.org/v1alpha1"
    trainer = made["spec"]["trainer"]
    assert trainer["numNodes"] == 3
    environment = {each["name"]: each["value"] for each in trainer["env"] if "value" in each}

    for index in range(3):
        made_config = tf_config({**environment, "JOB_COMPLETION_INDEX": str(index)})
        cluster = read_cluster(made_config)
        assert cluster.rank == index
        assert cluster.addresses == tuple(f"n-node-0-{i}.n:2222" for i in range(3))
    with pytest.raises(ConfigError, match=r"JOB_COMPLETION_INDEX must be the number of this pod"):
        tf_config(environment)


def test_tf_config_of_the_training_operator_stands_and_one_pod_needs_none() -> None:
    assert tf_config({"TF_CONFIG": "{}", "FIELDMARK_WORKERS": "2"}) == "{}"
    assert tf_config({}) is None


@pytest.mark.parametrize(
    ("kind", "kinds"),
    [
        ("none", ["PersistentVolumeClaim"]),
        ("TFJob", ["PersistentVolumeClaim", "Role", "RoleBinding"]),
        ("TrainJob", ["PersistentVolumeClaim", "Role", "RoleBinding", "TrainingRuntime"]),
    ],
)
def test_manifests_grant_what_the_step_asks_for_and_no_more(kind: str, kinds: list[str]) -> None:
    result = CliRunner().invoke(
        command,
        ["manifests", "demo", "--namespace", "nature", "--set", f"kubeflow.train_job.kind={kind}"],
    )
    assert result.exit_code == 0, result.output
    documents = list(yaml.safe_load_all(result.output))
    assert [document["kind"] for document in documents] == kinds
    assert {document["metadata"]["namespace"] for document in documents} == {"nature"}
    for document in documents:
        if document["kind"] == "Role":
            verbs = {
                (r, v)
                for rule in document["rules"]
                for r in rule["resources"]
                for v in rule["verbs"]
            }
            plural = f"{kind.lower()}s"
            assert verbs == {
                *((plural, verb) for verb in ("create", "get", "delete")),
                ("pods", "list"),
                ("pods/log", "get"),
            }
        if document["kind"] == "TrainingRuntime":
            (replicated,) = document["spec"]["template"]["spec"]["replicatedJobs"]
            (container,) = replicated["template"]["spec"]["template"]["spec"]["containers"]
            assert container["volumeMounts"] == [{"name": "fieldmark", "mountPath": "/fieldmark"}]
