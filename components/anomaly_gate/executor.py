"""Reads ExampleValidator's findings and stops the run on any.

ExampleValidator itself ends well whatever it finds, and the run would train on spoiled records.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.example_validator.executor import DEFAULT_FILE_NAME
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from schemas.errors import FieldmarkError
from schemas.events import emit

VERDICT_FILE = "verdict.json"
SHOWN = 10


class Executor(BaseExecutor):
    """See `component.AnomalyGate`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        artifact = artifact_utils.get_single_instance(input_dict["anomalies"])
        findings = [
            finding
            for split in artifact_utils.decode_split_names(artifact.split_names)
            for finding in read_findings(split, artifact_utils.get_split_uri([artifact], split))
        ]
        folder = Path(artifact_utils.get_single_uri(output_dict["gate"]))
        (folder / VERDICT_FILE).write_text(json.dumps({"anomalies": findings}, indent=1))
        if not findings:
            return
        message = describe(findings)
        if exec_properties["fail_on_anomalies"]:
            raise FieldmarkError(
                f"{message}\nCorrect the export, or set validation.fail_on_anomalies to false "
                "to train all the same."
            )
        emit("note", text=message)


def read_findings(split: str, directory: str) -> list[str]:
    """Returns the anomalies of a split, a sentence each.

    Args:
        split: name of the split.
        directory: where ExampleValidator wrote its findings on it.
    """
    anomalies = anomalies_pb2.Anomalies()
    anomalies.ParseFromString((Path(directory) / DEFAULT_FILE_NAME).read_bytes())
    findings = [
        f"{split}: {feature}: {info.description}"
        for feature, info in sorted(anomalies.anomaly_info.items())
    ]
    if anomalies.HasField("dataset_anomaly_info"):
        findings.append(f"{split}: {anomalies.dataset_anomaly_info.description}")
    return findings


def describe(findings: list[str]) -> str:
    """Returns the findings as one message."""
    noun = "1 anomaly" if len(findings) == 1 else f"{len(findings)} anomalies"
    lines = "\n  ".join(findings[:SHOWN])
    more = len(findings) - SHOWN
    rest = f"\n  ... and {more} more." if more > 0 else ""
    return f"The records do not fit schemas/example.pbtxt, {noun}:\n  {lines}{rest}"
