"""The pretend cluster hands things over as Kubeflow does, and refuses what Kubeflow refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_package import package, write

from kubeflow.compiled import read_compiled
from kubeflow.simulate import Simulation, StepResult
from kubeflow.simulated_launcher import StepFailed

PRELUDE = """
import json, os, pathlib, sys
given = json.loads(sys.argv[1])
root = pathlib.Path(os.environ["FIELDMARK_KFP_ROOT"])
def place(artifact):
    return root / artifact["uri"].replace("://", "/")
def end(key, metadata):
    artifact = given["outputs"]["artifacts"][key]["artifacts"][0]
    output = pathlib.Path(given["outputs"]["outputFile"])
    output.parent.mkdir(parents=True)
    written = {"uri": artifact["uri"], "metadata": metadata}
    output.write_text(json.dumps({"artifacts": {key: {"artifacts": [written]}}}))
"""
MAKE = (
    PRELUDE
    + """
assert given["inputs"]["parameterValues"] == {"fingerprint": "f1", "count": 3}, given
made = given["outputs"]["artifacts"]["made"]["artifacts"][0]
assert made["type"]["instanceSchema"].startswith("title: tfx.Artifact")
assert "name" not in made
assert place(made).parent.is_dir() and not place(made).exists()
(place(made) / "deep").mkdir(parents=True)
(place(made) / "deep/file.txt").write_text("photo")
(place(made) / "empty").mkdir()
end("made", {"ok": True, "count": 7, "names": ["a"], "of": {"b": "c"}, "text": "t"})
"""
)
TAKE = (
    PRELUDE
    + """
found = given["inputs"]["artifacts"]["found"]["artifacts"][0]
assert found["type"] == {"instanceSchema": ""}
assert found["name"] == "1"
assert found["metadata"] == {
    "ok": 1.0, "count": 7.0, "names": {"list": ["a"]}, "of": {"struct": {"b": "c"}}, "text": "t"
}, found
assert (place(found) / "deep/file.txt").read_text() == "photo"
assert not (place(found) / "empty").exists(), "an object store knows no empty directory"
assert len(list(root.rglob("file.txt"))) == 1
"""
)


def simulate(
    tmp_path: Path, first: str = MAKE, second: str = TAKE
) -> tuple[Simulation, dict[str, StepResult]]:
    compiled = read_compiled(write(tmp_path / "pipeline.yaml", package(first, second)))
    simulation = Simulation(tmp_path / "cluster")
    return simulation, simulation.run(compiled, {"export_fingerprint": "f1"})


def test_artifacts_go_from_step_to_step_through_the_store(tmp_path: Path) -> None:
    simulation, results = simulate(tmp_path)
    assert list(results) == ["first", "second"]
    uri = results["first"].artifacts["made"]["uri"]
    assert uri == "minio://bucket/root/tiny/run-1/first/made"
    stored = simulation.store / "minio/bucket/root/tiny/run-1/first/made/deep/file.txt"
    assert stored.read_text() == "photo"


def test_cache_knows_the_parameters_and_the_inputs(tmp_path: Path) -> None:
    simulation, _ = simulate(tmp_path)
    compiled = read_compiled(tmp_path / "pipeline.yaml")

    again = simulation.run(compiled, {"export_fingerprint": "f1"})
    assert [result.reused for result in again.values()] == [True, True]
    with pytest.raises(StepFailed, match=r"^first: exit code 1; its log \("):
        simulation.run(compiled, {"export_fingerprint": "f2"})  # the script asks for f1


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.exit(3)", r"^first: exit code 3; its log \(.*/log\.txt\) ends:"),
        (PRELUDE + 'end("made", {"note": None})', r"null as 'note', which the launcher refuses"),
        (
            PRELUDE + 'given["outputs"]["artifacts"]["made"]["artifacts"][0]["uri"] = "/minio/x"\n'
            'end("made", {})',
            r"the launcher knows no URI such as '/minio/x': minio://, s3://, gs://",
        ),
        (
            PRELUDE + 'end("made", {})\n'
            'pathlib.Path(given["outputs"]["outputFile"]).write_text(\'{"artefacts": 1}\')',
            r"its metadata file is not an ExecutorOutput",
        ),
    ],
)
def test_step_that_kubeflow_would_fail_fails(tmp_path: Path, script: str, message: str) -> None:
    with pytest.raises(StepFailed, match=message):
        simulate(tmp_path, first=script)


def test_resolver_is_refused_as_open_source_kubeflow_refuses_it(tmp_path: Path) -> None:
    spec = package(MAKE, TAKE)
    spec["deploymentSpec"]["executors"]["first_executor"] = {"resolver": {}}
    compiled = read_compiled(write(tmp_path / "pipeline.yaml", spec))
    with pytest.raises(StepFailed, match="first: no executor of open-source Kubeflow: resolver"):
        Simulation(tmp_path / "cluster").run(compiled, {"export_fingerprint": "f1"})
