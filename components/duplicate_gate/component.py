"""DuplicateGate: held-out photos that train has, too, stop the run before hours of training."""

from __future__ import annotations

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import PhotoIndex
from components.duplicate_gate.artifact import NearDuplicates
from components.duplicate_gate.config import DuplicateSettings
from components.duplicate_gate.executor import Executor
from schemas.source_hash import source_hash

CODE = (Executor.__module__,)
"""What decides which photos are the same, and whether the run goes on."""


class DuplicateGateSpec(ComponentSpec):
    """Interface of DuplicateGate."""

    PARAMETERS = {
        "max_distance": ExecutionParameter(type=int),
        "max_share": ExecutionParameter(type=float),
        "on_excess": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {"photo_index": ChannelParameter(type=PhotoIndex)}
    OUTPUTS = {"near_duplicates": ChannelParameter(type=NearDuplicates)}


class DuplicateGate(BaseComponent):
    """Lists near-duplicates across splits, and fails if too many held-out photos have one in train.

    Inputs:
        photo_index: components.artifacts.PhotoIndex.

    Outputs:
        near_duplicates: components.duplicate_gate.artifact.NearDuplicates, with
            `near_duplicates.csv` and `verdict.json`.
    """

    SPEC_CLASS = DuplicateGateSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(self, photo_index: BaseChannel, settings: DuplicateSettings) -> None:
        super().__init__(
            spec=DuplicateGateSpec(
                photo_index=photo_index,
                max_distance=settings.max_distance,
                max_share=settings.max_share,
                on_excess=settings.on_excess,
                code_version=source_hash(*CODE),
                near_duplicates=Channel(type=NearDuplicates),
            )
        )
