from __future__ import annotations

import json
from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.example_validator.executor import DEFAULT_FILE_NAME
from tfx.types import artifact_utils, standard_artifacts

from components.anomaly_gate.executor import Executor, describe
from components.artifacts import Gate
from schemas.errors import FieldmarkError
from schemas.events import EVENTS_VARIABLE


def found(directory: Path, **by_split: dict[str, str]) -> standard_artifacts.ExampleAnomalies:
    """What ExampleValidator leaves: anomalies by feature, for each split."""
    artifact = standard_artifacts.ExampleAnomalies()
    artifact.uri = str(directory)
    artifact.split_names = artifact_utils.encode_split_names(list(by_split))
    for split, features in by_split.items():
        anomalies = anomalies_pb2.Anomalies()
        for feature, description in features.items():
            if feature == "":
                anomalies.dataset_anomaly_info.description = description
            else:
                anomalies.anomaly_info[feature].description = description
        folder = Path(artifact_utils.get_split_uri([artifact], split))
        folder.mkdir(parents=True)
        (folder / DEFAULT_FILE_NAME).write_bytes(anomalies.SerializeToString())
    return artifact


def judge(
    anomalies: standard_artifacts.ExampleAnomalies, directory: Path, *, fail: bool
) -> list[str]:
    gate = Gate()
    directory.mkdir()
    gate.uri = str(directory)
    Executor().Do({"anomalies": [anomalies]}, {"gate": [gate]}, {"fail_on_anomalies": int(fail)})
    return json.loads((directory / "verdict.json").read_text())["anomalies"]


def test_records_as_they_should_be_pass(tmp_path: Path) -> None:
    anomalies = found(tmp_path / "anomalies", train={}, val={})

    assert judge(anomalies, tmp_path / "gate", fail=True) == []


def test_anomalies_stop_the_run_with_each_in_a_line(tmp_path: Path) -> None:
    anomalies = found(
        tmp_path / "anomalies",
        train={"orientation": "Value above 8.", "image": "Feature missing."},
        val={"": "Too few examples."},
    )

    with pytest.raises(FieldmarkError) as caught:
        judge(anomalies, tmp_path / "gate", fail=True)

    assert str(caught.value) == (
        "The records do not fit schemas/example.pbtxt, 3 anomalies:\n"
        "  train: image: Feature missing.\n"
        "  train: orientation: Value above 8.\n"
        "  val: Too few examples.\n"
        "Correct the export, or set validation.fail_on_anomalies to false to train all the same."
    )


def test_anomaly_of_the_last_split_alone_stops_the_run(tmp_path: Path) -> None:
    anomalies = found(tmp_path / "anomalies", train={}, val={}, test={"label": "Out of range."})

    with pytest.raises(FieldmarkError, match=r"1 anomaly:\n  test: label: Out of range\.\n"):
        judge(anomalies, tmp_path / "gate", fail=True)


def test_anomalies_are_only_noted_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = tmp_path / "events.jsonl"
    monkeypatch.setenv(EVENTS_VARIABLE, str(events))
    anomalies = found(tmp_path / "anomalies", train={"label": "Out of range."})

    assert judge(anomalies, tmp_path / "gate", fail=False) == ["train: label: Out of range."]

    event = json.loads(events.read_text())
    assert (event["kind"], event["text"]) == (
        "note",
        "The records do not fit schemas/example.pbtxt, 1 anomaly:\n  train: label: Out of range.",
    )


def test_long_list_is_cut_and_the_rest_counted() -> None:
    text = describe([f"train: f{i}: bad" for i in range(13)])

    assert text.startswith("The records do not fit schemas/example.pbtxt, 13 anomalies:\n")
    assert text.endswith("\n  train: f9: bad\n  ... and 3 more.")
    assert describe([f"{i}" for i in range(10)]).endswith("\n  9")
