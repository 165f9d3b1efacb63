"""GuardedPusher: TFX's Pusher, with our executor and our code in its cache key."""

from __future__ import annotations

from typing import Any, ClassVar

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.proto import pusher_pb2
from tfx.types import BaseChannel, Channel, standard_artifacts
from tfx.types.component_spec import ExecutionParameter
from tfx.types.standard_component_specs import PusherSpec

from components.pusher.executor import Executor
from schemas.source_hash import source_hash

CODE = (Executor.__module__,)
"""What decides what is pushed."""


class GuardedPusherSpec(PusherSpec):
    """TFX's spec, and `code_version`."""

    PARAMETERS: ClassVar[dict[str, Any]] = {
        **PusherSpec.PARAMETERS,
        "copy_to": ExecutionParameter(type=str, optional=True),
        "code_version": ExecutionParameter(type=str),
    }


class GuardedPusher(BaseComponent):
    """Pushes a blessed model into a directory of versions, whole, and not twice.

    Give it an id (`.with_id`) where a pipeline has two.

    Inputs:
        model: standard_artifacts.Model, a SavedModel or a mobile bundle under `Format-Serving`.
        model_blessing: standard_artifacts.ModelBlessing of an Evaluator, optional.
        infra_blessing: standard_artifacts.InfraBlessing, of a MobileValidator for one, optional.

    Outputs:
        pushed_model: standard_artifacts.PushedModel: a copy of the model, with TFX's custom
            properties `pushed`, `pushed_destination` and `pushed_version`.

    Args:
        directory: local directory of versions to push to.
        copy_to: URI in an object store that each version is copied to as well; optional.
    """

    SPEC_CLASS = GuardedPusherSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: BaseChannel,
        *,
        directory: str,
        copy_to: str | None = None,
        model_blessing: BaseChannel | None = None,
        infra_blessing: BaseChannel | None = None,
    ) -> None:
        filesystem = pusher_pb2.PushDestination.Filesystem(base_directory=directory)
        super().__init__(
            spec=GuardedPusherSpec(
                model=model,
                model_blessing=model_blessing,
                infra_blessing=infra_blessing,
                push_destination=pusher_pb2.PushDestination(filesystem=filesystem),
                copy_to=copy_to,
                code_version=source_hash(*CODE),
                pushed_model=Channel(type=standard_artifacts.PushedModel),
            )
        )
