"""AnomalyGate: spoiled records stop the run before hours of training."""

from __future__ import annotations

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import BaseChannel, Channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.anomaly_gate.config import ValidationSettings
from components.anomaly_gate.executor import Executor
from components.artifacts import Gate
from schemas.source_hash import source_hash

CODE = (Executor.__module__,)
"""What decides whether the run goes on."""


class AnomalyGateSpec(ComponentSpec):
    """Interface of AnomalyGate."""

    PARAMETERS = {
        "fail_on_anomalies": ExecutionParameter(type=int),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {"anomalies": ChannelParameter(type=standard_artifacts.ExampleAnomalies)}
    OUTPUTS = {"gate": ChannelParameter(type=Gate)}


class AnomalyGate(BaseComponent):
    """Fails if ExampleValidator found an anomaly in any split.

    Inputs:
        anomalies: standard_artifacts.ExampleAnomalies.

    Outputs:
        gate: components.artifacts.Gate, with `verdict.json`.
    """

    SPEC_CLASS = AnomalyGateSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(self, anomalies: BaseChannel, settings: ValidationSettings) -> None:
        super().__init__(
            spec=AnomalyGateSpec(
                anomalies=anomalies,
                fail_on_anomalies=int(settings.fail_on_anomalies),
                code_version=source_hash(*CODE),
                gate=Channel(type=Gate),
            )
        )
