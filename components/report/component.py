"""Report: everything that a run found out, as one page for a person."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import BaseChannel, Channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import (
    Gate,
    MobileReport,
    PhotoIndex,
    ReportPage,
    SetAside,
    Taxonomy,
    TrainingHistory,
)
from components.duplicate_gate.artifact import NearDuplicates
from components.report.executor import Executor
from components.report.page import templates_hash
from schemas.source_hash import source_hash

CODE = (
    "components.report",
    "components.export_example_gen.set_aside",
    "components.taxon_evaluator.problem_taxa",
    "schemas.counted",
    "schemas.duration",
    "schemas.photo_index",
    "schemas.record",
    "schemas.taxonomy",
    "schemas.taxonomy_csv",
    "schemas.upright",
)
"""What decides what the page shows."""


class ReportSpec(ComponentSpec):
    """Interface of Report."""

    PARAMETERS: ClassVar[dict[str, Any]] = {
        "pipeline": ExecutionParameter(type=str),
        "recipe": ExecutionParameter(type=str),
        "export_fingerprint": ExecutionParameter(type=str),
        "settings": ExecutionParameter(type=str),
        "metadata_db": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, Any]] = {
        "taxonomy": ChannelParameter(type=Taxonomy),
        "photo_index": ChannelParameter(type=PhotoIndex),
        "examples": ChannelParameter(type=standard_artifacts.Examples, optional=True),
        "set_aside": ChannelParameter(type=SetAside, optional=True),
        "near_duplicates": ChannelParameter(type=NearDuplicates, optional=True),
        "gate": ChannelParameter(type=Gate, optional=True),
        "history": ChannelParameter(type=TrainingHistory, optional=True),
        "model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing, optional=True),
        "bundle": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "mobile_report": ChannelParameter(type=MobileReport, optional=True),
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel, optional=True),
        "pushed_bundle": ChannelParameter(type=standard_artifacts.PushedModel, optional=True),
    }
    OUTPUTS: ClassVar[dict[str, Any]] = {"report": ChannelParameter(type=ReportPage)}


class Report(BaseComponent):
    """Writes what the other steps found out as one self-contained HTML page.

    It runs whether a model is blessed or not: a person wants to see why. What is not given leaves
    its section short.

    Inputs:
        taxonomy: components.artifacts.Taxonomy.
        photo_index: components.artifacts.PhotoIndex.
        examples: standard_artifacts.Examples, raw records in files that match the index; for
            pictures of errors.
        set_aside: components.artifacts.SetAside.
        near_duplicates: components.duplicate_gate.artifact.NearDuplicates.
        gate: components.artifacts.Gate, of anomalies.
        history: components.artifacts.TrainingHistory.
        model: standard_artifacts.Model, the SavedModel.
        evaluation: standard_artifacts.ModelEvaluation, with our tables.
        model_blessing: standard_artifacts.ModelBlessing.
        bundle: standard_artifacts.Model, for the phone.
        mobile_report: components.artifacts.MobileReport.
        pushed_model: standard_artifacts.PushedModel, of the SavedModel.
        pushed_bundle: standard_artifacts.PushedModel, of the bundle.

    Outputs:
        report: components.artifacts.ReportPage, with `report.html`.

    Args:
        pipeline: name of the pipeline.
        recipe: hash of all that the model is made from.
        export_fingerprint: hash of the export's files.
        settings: the resolved config, JSON-able; shown on the page.
        metadata_db: SQLite file of ML Metadata, for how long steps took; it need not exist.
        inputs: channels by the names above.
    """

    SPEC_CLASS = ReportSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        pipeline: str,
        recipe: str,
        export_fingerprint: str | RuntimeParameter,
        settings: Mapping[str, Any],
        metadata_db: str,
        **inputs: BaseChannel,
    ) -> None:
        code = source_hash(*CODE) + templates_hash()
        super().__init__(
            spec=ReportSpec(
                pipeline=pipeline,
                recipe=recipe,
                export_fingerprint=export_fingerprint,
                settings=json.dumps(settings),
                metadata_db=metadata_db,
                code_version=hashlib.sha256(code.encode()).hexdigest()[:16],
                report=Channel(type=ReportPage),
                **inputs,
            )
        )
