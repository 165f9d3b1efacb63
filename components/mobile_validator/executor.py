"""Compares the artifacts; writes the report, the finished bundle and the blessing."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
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
from serving.checked_bundle import load_files
from serving.finished_bundle import finish_bundle

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
        originals = artifact_utils.get_single_instance(input_dict["originals"])
        bundle = load_files(_serving_path(input_dict["bundle"]))
        found = compare(
            bundle,
            _serving_path(input_dict["model"]),
            record_files(examples, settings.split, setting="mobile_validation.split"),
            settings,
            originals=record_files(originals, settings.split, setting="mobile_validation.split"),
        )
        directory = Path(artifact_utils.get_single_uri(output_dict["report"]))
        directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(found.report, indent=2, allow_nan=False) + "\n"
        (directory / REPORT_FILE).write_text(text, encoding="utf-8")
        finished = artifact_utils.get_single_instance(output_dict["finished_bundle"])
        finish_bundle(bundle, path_utils.serving_model_path(finished.uri), found.finish)
        finished.set_string_custom_property("model_id", bundle.details.model_id)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        mark(blessing, blessed=found.report["blessed"])
        _tell(found.report)


def _serving_path(artifacts: list[Artifact]) -> str:
    return str(path_utils.serving_model_path(artifact_utils.get_single_uri(artifacts)))


def _tell(report: Mapping[str, Any]) -> None:
    lines = [_words(name, entry) for name, entry in report["variants"].items()]
    lines += [f"not blessed. {reason}" for reason in report["reasons"]]
    lines += [report["default_reason"], report["visible_taxa"]["words"]]
    for text in lines:
        emit("note", text=text)
        logging.info("%s", text)


def _words(name: str, entry: Mapping[str, Any]) -> str:
    if not entry["photos"]:
        return f"{name}: cannot be run. {' '.join(entry['reasons'])}"
    text = f"{name}: {entry['top1_agreement']:.1%} as the server on {entry['photos']} photos"
    return text if entry["passed"] else f"{text}; left out. {' '.join(entry['reasons'])}"
