"""Compares the artifacts, writes the report and the blessing."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.mobile_validator.blessing import mark
from components.mobile_validator.comparison import compare
from components.mobile_validator.config import MobileValidationSettings
from components.record_files import record_files
from schemas.events import emit
from serving.checked_bundle import load_bundle

REPORT_FILE = "mobile_report.json"


class Executor(BaseExecutor):
    """See `component.MobileValidator`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = MobileValidationSettings.model_validate_json(exec_properties["settings"])
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        report = compare(
            load_bundle(_serving_path(input_dict["bundle"])),
            _serving_path(input_dict["model"]),
            record_files(examples, settings.split, setting="mobile_validation.split"),
            settings,
        )
        directory = Path(artifact_utils.get_single_uri(output_dict["report"]))
        directory.mkdir(parents=True, exist_ok=True)
        (directory / REPORT_FILE).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        mark(blessing, blessed=report["blessed"])
        _tell(report)


def _serving_path(artifacts: list[Artifact]) -> str:
    return str(path_utils.serving_model_path(artifact_utils.get_single_uri(artifacts)))


def _tell(report: dict[str, Any]) -> None:
    for variant, entry in report["variants"].items():
        text = f"{variant}: {entry['top1_agreement']:.1%} as the server on {entry['photos']} photos"
        if not entry["passed"]:
            text += f"; not blessed. {' '.join(entry['reasons'])}"
        emit("note", text=text)
        logging.info("%s", text)
