"""What a container runs, with a stand-in for TFX's container module."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kubeflow import entrypoint
from schemas.errors import ConfigError
from schemas.record import SCHEMA_FILE

MODULE = "tfx.orchestration.kubeflow.v2.container"


class FakeTfx(ModuleType):
    """Writes down what it is given, and an output as TFX would."""

    def __init__(self) -> None:
        super().__init__(MODULE)
        self.kubeflow_v2_run_executor = self
        self.given: Any = None
        self.beam_args: list[str] = []

    def main(self, parsed: Any) -> None:
        args, self.beam_args = parsed
        self.given = json.loads(args.json_serialized_invocation_args)
        assert args.executor_class_path == "a.b.Executor"
        assert json.loads(args.json_serialized_inputs_spec_args) == {}
        (artifact,) = self.given["outputs"]["artifacts"]["model"]["artifacts"]
        written = {"uri": artifact["uri"], "metadata": {"at": artifact["uri"], "none": None}}
        output = Path(self.given["outputs"]["outputFile"])
        output.write_text(json.dumps({"artifacts": {"model": {"artifacts": [written]}}}))


@pytest.fixture
def tfx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTfx:
    fake = FakeTfx()
    monkeypatch.setitem(sys.modules, MODULE, fake)
    monkeypatch.setenv("FIELDMARK_KFP_ROOT", str(tmp_path))
    return fake


def run(tmp_path: Path, *flags: str, **parameters: Any) -> dict[str, Any]:
    """Runs a step with one output; returns that as Kubeflow gets it."""
    model = {"uri": "s3://bucket/root/model", "type": {"schemaTitle": "x"}}
    invocation = {
        "inputs": {"parameterValues": parameters},
        "outputs": {
            "artifacts": {"model": {"artifacts": [model]}},
            "outputFile": str(tmp_path / "output.json"),
        },
    }
    entrypoint.run(
        [
            *flags,
            "--executor_class_path",
            "a.b.Executor",
            "--json_serialized_invocation_args",
            json.dumps(invocation),
            "--json_serialized_inputs_spec_args",
            "{}",
            "--runner=FnApiRunner",
        ]
    )
    content = json.loads((tmp_path / "output.json").read_text())
    return dict(content["artifacts"]["model"]["artifacts"][0])


def test_step_sees_paths_and_kubeflow_gets_uris(tfx: FakeTfx, tmp_path: Path) -> None:
    back = run(tmp_path, "--uris=mapped")

    (artifact,) = tfx.given["outputs"]["artifacts"]["model"]["artifacts"]
    assert artifact["uri"] == f"{tmp_path}/s3/bucket/root/model"
    assert Path(artifact["uri"]).is_dir(), "TFX's executors expect it"
    assert back == {"uri": "s3://bucket/root/model", "metadata": {"at": "s3://bucket/root/model"}}
    assert tfx.beam_args == ["--runner=FnApiRunner"]


def test_uris_pass_through_for_workers_elsewhere(tfx: FakeTfx, tmp_path: Path) -> None:
    back = run(tmp_path, "--uris=kept")

    (artifact,) = tfx.given["outputs"]["artifacts"]["model"]["artifacts"]
    assert artifact["uri"] == back["uri"] == "s3://bucket/root/model"
    assert not (tmp_path / "s3").exists()


def test_files_of_ours_are_found_wherever_the_image_has_them(tfx: FakeTfx, tmp_path: Path) -> None:
    run(tmp_path, schema_file="code:schemas/example.pbtxt", count=3)
    values = tfx.given["inputs"]["parameterValues"]
    assert Path(values["schema_file"]).samefile(SCHEMA_FILE)
    assert values["count"] == 3


def test_schedules_time_that_was_not_filled_in_is_refused(tfx: FakeTfx, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^export_fingerprint is '\[\[ScheduledTime\]\]': this in"
    ):
        run(tmp_path, export_fingerprint="[[ScheduledTime]]")
    assert tfx.given is None


def test_error_for_people_stands_last_in_the_log(
    tfx: FakeTfx, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Any) -> None:
        raise ConfigError("No such export.")

    monkeypatch.setattr(entrypoint, "run", fail)
    with pytest.raises(SystemExit) as ended:
        entrypoint.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "Error: No such export.\n"
