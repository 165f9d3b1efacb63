"""The files for the real TensorFlow Serving fit each other and what is pushed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from google.protobuf import text_format
from google.protobuf.wrappers_pb2 import Int64Value
from skipped_promises import COMPOSE
from tensorflow_serving.config import model_server_config_pb2

from pipeline.commands.serve import DEFAULT_PORT
from pipeline.layout import Layout
from serving.server.app import ServerOptions

FILES = Path(__file__).parents[2] / "serving" / "tf_serving"

BATCHING_PARAMETERS = {
    "max_batch_size",
    "batch_timeout_micros",
    "max_enqueued_batches",
    "num_batch_threads",
}
"""Int64 wrappers of session_bundle_config.proto, which the client package does not hold."""


@pytest.fixture(scope="module")
def service() -> dict[str, object]:
    (service,) = yaml.safe_load((FILES / "docker-compose.yml").read_text())["services"].values()
    return service


def mounts(service: dict[str, object]) -> dict[str, str]:
    """What is mounted, by where."""
    return {
        target: source
        for source, target, mode in (volume.rsplit(":", 2) for volume in service["volumes"])
        if mode == "ro"
    }


def test_models_config_is_what_tf_serving_reads() -> None:
    config = text_format.Parse(
        (FILES / "models.config").read_text(), model_server_config_pb2.ModelServerConfig()
    )

    (model,) = config.model_config_list.config
    assert model.name == ServerOptions(Path()).name
    assert model.model_platform == "tensorflow"
    assert model.model_version_policy.latest.num_versions == 1


def test_the_model_is_mounted_where_it_is_looked_for(service: dict[str, object]) -> None:
    config = (FILES / "models.config").read_text()
    (base_path,) = re.findall(r'base_path: "(.+)"', config)

    assert "FIELDMARK_PUSHED" in mounts(service)[base_path]
    usage = Layout(Path("runs/demo")).pushed_saved_models
    for page in ("docker-compose.yml", "README.md"):
        assert f"FIELDMARK_PUSHED=$PWD/{usage}" in (FILES / page).read_text()


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason=COMPOSE.reason)
def test_compose_reads_its_file_and_wants_the_models_named() -> None:
    command = ["docker-compose", "-f", str(FILES / "docker-compose.yml"), "config"]
    bare = {"PATH": os.environ["PATH"]}
    given = {**bare, "FIELDMARK_PUSHED": "/pushed"}

    accepted = subprocess.run(command, check=False, env=given, capture_output=True, text=True)
    refused = subprocess.run(command, check=False, env=bare, capture_output=True, text=True)

    (service,) = yaml.safe_load(accepted.stdout)["services"].values()
    assert "/pushed:/models/fieldmark:ro" in service["volumes"]
    assert refused.returncode != 0
    assert "the directory that SavedModels are pushed to" in refused.stderr


def test_every_file_that_a_flag_names_is_mounted_and_there(service: dict[str, object]) -> None:
    named = re.findall(r"=(/config/\S+)", " ".join(service["command"]))

    assert len(named) == 3
    for target in named:
        assert (FILES / mounts(service)[target]).is_file()


def test_batching_parameters_are_known_and_numbers() -> None:
    lines = (FILES / "batching.config").read_text().splitlines()
    pairs = dict(
        re.fullmatch(r"(\w+) \{ (.+) \}", line).groups() for line in lines if line[0] != "#"
    )

    assert set(pairs) == BATCHING_PARAMETERS
    values = {name: text_format.Parse(text, Int64Value()).value for name, text in pairs.items()}
    assert min(values.values()) > 0
    assert values["max_batch_size"] == ServerOptions(Path()).max_batch


def test_both_servers_listen_at_the_same_port(service: dict[str, object]) -> None:
    assert f"127.0.0.1:{DEFAULT_PORT}:{DEFAULT_PORT}" in service["ports"]
