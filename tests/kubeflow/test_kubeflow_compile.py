"""Compiled files: what Kubeflow takes, and what it would choke on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from google.protobuf import json_format

from kubeflow.commands import command
from kubeflow.compile import compile_pipeline, resources
from kubeflow.compiled import read_compiled
from kubeflow.platform import executor_config
from pipeline.config import load_config, presets
from pipeline.kubeflow_settings import KubeflowSettings, PodSettings
from schemas.errors import ConfigError
from schemas.settings import load_settings

ROOT = "minio://mlpipeline/fieldmark"
IMAGE = "registry.example/fieldmark:1"


def compiled(preset: str, *overrides: str, **more: Any) -> Any:
    config = load_config(preset, overrides=overrides, export_dir="/fieldmark/exports/now")
    return compile_pipeline(config, **{"image": IMAGE, "pipeline_root": ROOT, **more})


@pytest.fixture(scope="module", params=presets())
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    compiled(request.param, export_fingerprint="f1").write(path)
    return path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return compiled("demo", "trainer.base_weights=last_blessed").documents[0]


def test_every_preset_is_read_by_kfps_own_loaders_and_proto(package: Path) -> None:
    from kfp.client.client import _extract_pipeline_yaml
    from kfp.components import load_component_from_file

    component = load_component_from_file(str(package))
    assert component.component_spec.inputs["export_dir"].default == "/fieldmark/exports/now"
    document = _extract_pipeline_yaml(str(package))
    assert document.pipeline_spec.schema_version == "2.1.0"
    assert document.pipeline_spec.default_pipeline_root == ROOT
    assert len(document.platform_spec.platforms) == 1


def test_every_preset_has_only_steps_that_open_source_kubeflow_runs(package: Path) -> None:
    spec = read_compiled(package).spec
    executors = spec["deploymentSpec"]["executors"]
    assert {kind for executor in executors.values() for kind in executor} == {"container"}
    assert read_compiled(package).images == {IMAGE}
    text = package.read_text()
    assert "InfraValidator" not in text
    assert "module_file" not in text
    assert "module_path" not in text


def test_no_path_of_this_machine_is_in_the_file(package: Path) -> None:
    assert str(Path(__file__).resolve().parents[2]) not in package.read_text()
    assert "code:schemas/example.pbtxt" in package.read_text()


def test_names_are_such_as_argo_takes(package: Path) -> None:
    spec = read_compiled(package).spec
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", spec["pipelineInfo"]["name"])
    for step in spec["root"]["dag"]["tasks"]:
        assert re.fullmatch(r"[A-Za-z0-9-]+", step), step


def test_parameters_have_their_defaults_and_one_without_must_be_given(demo: Any) -> None:
    definitions = demo["root"]["inputDefinitions"]["parameters"]
    assert definitions == {
        "export_dir": {"parameterType": "STRING", "defaultValue": "/fieldmark/exports/now"},
        "export_fingerprint": {"parameterType": "STRING"},
    }


def test_fingerprint_of_the_export_is_in_the_cache_key_of_what_depends_on_it(demo: Any) -> None:
    tasks = demo["root"]["dag"]["tasks"]
    given = {
        step
        for step, task in tasks.items()
        if task.get("inputs", {}).get("parameters", {}).get("export_fingerprint")
        == {"componentInputParameter": "export_fingerprint"}
    }
    assert given == {
        "ExportExampleGen",
        "LastBlessedModel",
        "StartingModel",
        "ProgressiveTrainer",
        "Report",
    }


def test_steps_that_look_at_what_was_pushed_are_never_taken_from_the_cache(demo: Any) -> None:
    tasks = demo["root"]["dag"]["tasks"]
    uncached = {step for step, task in tasks.items() if not task["cachingOptions"]}
    assert uncached == {"LastBlessedModel", "StartingModel"}


def test_what_runs_share_lies_in_the_volume(demo: Any) -> None:
    tasks = demo["root"]["dag"]["tasks"]

    def value(step: str, name: str) -> str:
        return tasks[step]["inputs"]["parameters"][name]["runtimeValue"]["constant"]

    assert value("ProgressiveTrainer", "checkpoint_root") == "/fieldmark/runs/demo/checkpoints"
    pushed = "/fieldmark/runs/demo/pushed/saved_model"
    assert value("LastBlessedModel", "pushed_dir") == pushed
    assert pushed in value("PushSavedModel", "push_destination")


def test_containers_run_our_entrypoint(demo: Any) -> None:
    for executor in demo["deploymentSpec"]["executors"].values():
        command = executor["container"]["command"]
        assert command == ["python", "-m", "kubeflow.entrypoint", "--uris=mapped"]
        assert "{{$}}" in executor["container"]["args"]


def test_remote_beam_workers_see_the_uris_as_they_are() -> None:
    flink = 'beam_args=["--runner=FlinkRunner"]'
    with pytest.raises(ConfigError, match=r"starts with gs:// \(Vertex AI and Beam workers else"):
        compiled("demo", flink)
    package = compiled("demo", flink, pipeline_root="gs://bucket/root")
    container = package.documents[0]["deploymentSpec"]["executors"]["Transform_executor"][
        "container"
    ]
    assert container["command"][-1] == "--uris=kept"
    assert "--runner=FlinkRunner" in container["args"]


def test_resources_are_the_steps_own_and_else_everybodys() -> None:
    package = compiled(
        "demo",
        "kubeflow.pod={cpu: 2, memory: 4Gi}",
        "kubeflow.steps={ProgressiveTrainer: {gpus: 2, memory: 64Gi, shared_memory: 8Gi}}",
    )
    spec, platform = package.documents
    executors = spec["deploymentSpec"]["executors"]
    assert executors["Transform_executor"]["container"]["resources"] == {
        "cpuLimit": 2.0,
        "cpuRequest": 2.0,
        "memoryLimit": 4.294967296,
        "memoryRequest": 4.294967296,
        "resourceCpuLimit": "2",
        "resourceCpuRequest": "2",
        "resourceMemoryLimit": "4Gi",
        "resourceMemoryRequest": "4Gi",
    }
    trainer = executors["ProgressiveTrainer_executor"]["container"]["resources"]
    assert trainer["resourceMemoryLimit"] == "64Gi"
    assert trainer["resourceCpuLimit"] == "2"
    assert trainer["accelerator"] == {
        "type": "nvidia.com/gpu",
        "count": "2",
        "resourceType": "nvidia.com/gpu",
        "resourceCount": "2",
    }
    pods = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(pods) == set(executors)
    assert pods["ProgressiveTrainer_executor"]["enabledSharedMemory"]["size"] == "8Gi"
    assert "enabledSharedMemory" not in pods["Transform_executor"]


def test_platform_document_names_volume_secrets_and_places() -> None:
    settings = load_settings(
        KubeflowSettings,
        {
            "volume": {"claim": "photos", "mount_path": "/data"},
            "pod": {
                "node_selector": {"pool": "big"},
                "tolerations": [{"key": "gpu", "effect": "NoSchedule"}],
            },
            "secrets": [
                {"name": "store", "env": {"accesskey": "AWS_ACCESS_KEY_ID"}},
                {"name": "certs", "mount_path": "/certs"},
            ],
            "image_pull_secrets": ["registry"],
        },
        source="test",
    )

    def named(name: str) -> dict[str, Any]:
        parameter = {"runtimeValue": {"constant": name}}
        return {"secretName": name, "secretNameParameter": parameter}

    assert executor_config(settings, "Transform") == {
        "pvcMount": [
            {
                "constant": "photos",
                "pvcNameParameter": {"runtimeValue": {"constant": "photos"}},
                "mountPath": "/data",
            }
        ],
        "secretAsEnv": [
            {
                **named("store"),
                "keyToEnv": [{"secretKey": "accesskey", "envVar": "AWS_ACCESS_KEY_ID"}],
            }
        ],
        "secretAsVolume": [{**named("certs"), "mountPath": "/certs"}],
        "imagePullSecret": [named("registry")],
        "nodeSelector": {"labels": {"pool": "big"}},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }


def test_half_a_core_and_other_gpus_are_said_as_kubernetes_says_them() -> None:
    spec = resources(PodSettings(cpu="500m", gpus=1, gpu_resource="amd.com/gpu"))
    assert (spec["cpuLimit"], spec["resourceCpuLimit"]) == (0.5, "500m")
    assert spec["accelerator"]["type"] == "amd.com/gpu"


def test_trainers_pod_alone_is_told_to_train_on_several() -> None:
    executors = compiled(
        "demo",
        "kubeflow.train_job={kind: TFJob, workers: 3}",
        "kubeflow.pod={cpu: 2}",
        "kubeflow.steps={ProgressiveTrainer: {cpu: 16, gpus: 4}}",
    ).documents[0]["deploymentSpec"]["executors"]
    environments = {name: e["container"].get("env", []) for name, e in executors.items()}
    told = {e["name"]: e["value"] for e in environments.pop("ProgressiveTrainer_executor")}
    assert not any(environments.values())
    assert told["FIELDMARK_TRAINING_COMMAND"] == "kubeflow.train_job"
    assert json.loads(told["FIELDMARK_TRAIN_JOB"])["workers"] == 3
    assert json.loads(told["FIELDMARK_TRAIN_JOB"])["image"] == IMAGE
    assert json.loads(told["FIELDMARK_TRAIN_JOB"])["pod"]["gpus"] == 4
    waiting = executors["ProgressiveTrainer_executor"]["container"]["resources"]
    assert waiting["resourceCpuLimit"] == "2"
    assert "accelerator" not in waiting


def test_vertex_takes_the_job_as_json(tmp_path: Path) -> None:
    from kfp.pipeline_spec import pipeline_spec_pb2

    package = compiled(
        "demo",
        "kubeflow.volume.mount_path=/gcs/bucket/fieldmark",
        target="vertex",
        pipeline_root="gs://bucket/root",
    )
    package.write(tmp_path / "pipeline.json")
    job = json_format.Parse(
        (tmp_path / "pipeline.json").read_text(), pipeline_spec_pb2.PipelineJob()
    )
    assert job.runtime_config.gcs_output_directory == "gs://bucket/root"
    assert dict(job.runtime_config.parameter_values)["export_dir"].string_value
    json_format.ParseDict(package.documents[0]["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], r"shows buckets under /gcs: set kubeflow\.volume\.mount_path=/gcs/BUCKET/FOLDER"),
        (
            ["kubeflow.volume.mount_path=/gcs/b", "kubeflow.pod.shared_memory=1Gi"],
            r"knows nothing of kubeflow\.pod\.shared_memory\. Leave it out",
        ),
    ],
)
def test_vertex_refuses_what_only_kubernetes_knows(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compiled("demo", *overrides, target="vertex", pipeline_root="gs://b/r")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"pipeline_root": "/data"}, r"starts with minio://, s3://, gs://\. Received: '/data'"),
        ({"image": ""}, r"--image takes an image such as registry/fieldmark:1\. Received: ''"),
    ],
)
def test_image_and_root_are_checked(more: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compiled("demo", **more)


def test_resources_of_a_step_that_is_not_there_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"no step is called 'Trainer'\. Allowed: .*AnomalyGate"):
        compiled("demo", "kubeflow.steps={Trainer: {gpus: 1}}")


def test_file_that_is_no_compiled_pipeline_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("hello: world\n")
    with pytest.raises(ConfigError, match=r"p\.yaml is not a compiled pipeline \(ParseError"):
        read_compiled(path)
    path.write_text(yaml.safe_dump({"schemaVersion": "2.0.0", "pipelineInfo": {"name": "x"}}))
    with pytest.raises(ConfigError, match=r"has schema version 2\.0\.0; Kubeflow Pipelines takes"):
        read_compiled(path)


def test_yaml_is_not_written_for_vertex(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"kubeflow takes a file that ends in \.yaml or \.yml"):
        compiled("demo").write(tmp_path / "pipeline.json")


def test_files_that_the_pods_alone_see_are_said_to_be_known_by_path(tmp_path: Path) -> None:
    named = ("trainer.synonyms=/fieldmark/synonyms.csv", "mobile_export.geo_thresholds=/x.csv")
    spec = compiled("demo", *named).documents[0]
    assert spec["root"]["dag"]["tasks"]["ProgressiveTrainer"]["inputs"]["parameters"][
        "named_files"
    ] == {"runtimeValue": {"constant": ""}}

    out = ["--image", IMAGE, "--pipeline-root", ROOT, "-o", str(tmp_path / "p.yaml")]
    settings = [part for each in named for part in ("--set", each)]
    said = CliRunner().invoke(command, ["compile", "demo", *out, *settings], catch_exceptions=False)

    assert said.output.splitlines()[-1] == (
        "Kubeflow's cache knows trainer.synonyms, mobile_export.geo_thresholds by path alone: give "
        "a file that has changed another name, or the run another export_fingerprint."
    )
