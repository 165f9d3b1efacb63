"""The training itself: two workers on the loopback, by the very command in the manifest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fake_kubernetes import FakeKubernetes, condition, running

from components.progressive_trainer.job import TrainingJob
from kubeflow.train_job import job_name, train
from kubeflow.train_manifest import TrainJobRequest
from kubeflow.train_resource import TrainResource
from kubeflow.train_settings import train_job_environment
from pipeline.kubeflow_settings import KubeflowSettings

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/components/progressive_trainer"))

pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(600)]


class Pods:
    """The pods of a TFJob, as processes of this machine."""

    def __init__(self, log_dir: Path) -> None:
        self.log_dir = log_dir
        self.processes: list[subprocess.Popen[bytes]] = []

    def create(self, resource: dict[str, Any]) -> None:
        from tiny_cluster import free_addresses

        worker = resource["spec"]["tfReplicaSpecs"]["Worker"]
        (container,) = worker["template"]["spec"]["containers"]
        addresses = free_addresses(worker["replicas"])
        for index in range(worker["replicas"]):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            with (self.log_dir / f"log-{index}.txt").open("wb") as log:
                self.processes.append(
                    subprocess.Popen(
                        [sys.executable, *container["command"][1:]],
                        cwd=REPOSITORY,
                        env={**os.environ, "TF_CONFIG": json.dumps(task)},
                        stdout=log,
                        stderr=log,
                    )
                )

    def look(self, resource: dict[str, Any]) -> None:
        codes = [process.poll() for process in self.processes]
        if codes[0] is not None:
            resource["status"] = condition("Failed" if any(codes) else "Succeeded")


def test_two_workers_train_what_the_step_asked_for(tmp_path: Path) -> None:
    from tiny_cluster import write_job, write_photos
    from tiny_training import settings as trainer_settings
    from tiny_training import stage

    from serving.saved_model import load_manifest

    volume = tmp_path / "volume"
    checkpoints = volume / "runs/tiny/checkpoints/0123abcd"
    asked_for = trainer_settings([stage(4, 1)]).model_dump(mode="json")
    photos = write_photos(tmp_path / "photos")
    path = write_job(tmp_path / "pod", photos, asked_for, checkpoints=checkpoints)
    job = TrainingJob.read(path)
    settings = KubeflowSettings.model_validate(
        {"volume": {"mount_path": str(volume)}, "train_job": {"kind": "TFJob", "workers": 2}}
    )
    told = train_job_environment(settings, image="fieldmark:test")
    asked = TrainJobRequest.read(json.loads(told[1]["value"]))
    pods = Pods(tmp_path)
    with running(FakeKubernetes(on_create=pods.create, on_look=pods.look)) as kubernetes:
        resource = TrainResource(kubernetes.client(), "TFJob", "nature", job_name(job))
        try:
            train(job, asked, resource, namespace="nature", sleep=lambda _: time.sleep(0.2))
        finally:
            for process in pods.processes:
                process.kill()

    assert len(pods.processes) == 2
    assert load_manifest(job.model_dir)["num_leaves"] > 1
    history = json.loads((Path(job.history_dir) / "history.json").read_text())
    assert history["devices"].startswith("2 machines")
    assert list(checkpoints.iterdir())
    assert not list((volume / "train-jobs").iterdir())
