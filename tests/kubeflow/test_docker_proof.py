"""The image, really built, and the demo's pipeline in its containers: no network, no root, no
capabilities. `make test-docker`; some eight gigabytes, and minutes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from docker_daemon import Docker, base_image, docker_daemon

from kubeflow.build import build
from kubeflow.compile import compile_pipeline
from kubeflow.compiled import read_compiled
from kubeflow.simulate import Simulation
from pipeline.config import load_config
from pipeline.demo_world.export import draw_export

pytestmark = [pytest.mark.docker, pytest.mark.timeout(3600)]

TAG = "fieldmark:test"
TINY = (
    "trainer.schedule={stages: [{image_size_px: 32, global_batch: 16, epochs: 2, "
    "learning_rate: 0.002}], warmup_epochs: 0.5}",
    "trainer.eval_batch=16",
    "evaluation.min_top1=0.0",
    "mobile_validation={min_top1_agreement: 0.3, min_top1_agreement_int8: 0.3, "
    "max_accuracy_drop: 0.7}",
)


@pytest.fixture(scope="module")
def docker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Docker]:
    if request.config.option.markexpr != "docker":
        pytest.skip("installs and starts Docker: only by make test-docker")
    with docker_daemon(tmp_path_factory.mktemp("docker") / "daemon") as command:
        yield command


@pytest.fixture(scope="module")
def image(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    base, arguments = base_image(docker, tmp_path_factory.mktemp("base"))
    build(TAG, gpu=False, push=False, base=base, docker=docker, more_arguments=arguments)
    yield TAG
    subprocess.run([*docker, "rmi", TAG], check=False)


def inside(docker: Docker, image: str, *command: str) -> str:
    return subprocess.run(
        [*docker, "run", "--rm", "--network=none", image, *command],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_image_has_no_root_no_build_tools_and_is_compiled(docker: Docker, image: str) -> None:
    assert inside(docker, image, "id", "-u").strip() == "10001"
    assert inside(docker, image, "sh", "-c", "echo ok > $HOME/x && cat $HOME/x").strip() == "ok"
    venv = inside(docker, image, "sh", "-c", "ls /opt/venv/bin").split()
    assert "pip" not in venv
    assert "pytest" not in venv
    found = inside(docker, image, "sh", "-c", "find /opt/fieldmark -name '*.pyc' | wc -l")
    assert int(found) > 200
    assert "tensorflow==2.21.0" in inside(docker, image, "cat", "/opt/venv/requirements.lock")


def test_compiled_pipeline_runs_in_containers_from_export_to_push(
    docker: Docker, image: str, tmp_path: Path
) -> None:
    volume = tmp_path / "volume"
    draw_export(volume / "export", species=6, photos=120, size_px=(96, 160), jobs=1)
    config = load_config(
        "demo",
        overrides=[*TINY, f"kubeflow.volume.mount_path={volume}"],
        export_dir=str(volume / "export"),
    )
    compile_pipeline(
        config, image=image, pipeline_root="minio://b/root", export_fingerprint="f1"
    ).write(tmp_path / "pipeline.yaml")
    for path in (tmp_path, volume, *volume.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)

    def start(command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
        root = log.parent
        for path in (root, *root.rglob("*")):
            shutil.chown(path, 10001, 10001)
        options = ["--rm", "--network=none", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
        options += [f"--volume={path}:{path}" for path in (root, volume)]
        options += [f"--env={key}={value}" for key, value in environment.items()]
        with log.open("wb") as file:
            return subprocess.run(
                [*docker, "run", *options, image, *command], stdout=file, stderr=file, check=False
            ).returncode

    simulation = Simulation(tmp_path / "cluster", start, say=print)
    simulation.run(read_compiled(tmp_path / "pipeline.yaml"), {})

    for kind in ("saved_model", "mobile"):
        pushed = volume / "runs/demo/pushed" / kind
        assert len([path for path in pushed.iterdir() if path.name.isdecimal()]) == 1
