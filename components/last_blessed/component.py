"""LastBlessedModel: the newest pushed model of another training, to compare with or to start from.

TFX's Resolver would do, but for two things: open-source Kubeflow has none, and right after a
blessing it resolves to that very model, so that giving the same command again evaluates the model
against itself and pushes it a second time.

Whether there is such a model is known only when the step runs, so the step always stands in the
pipeline, and its output says what it found: see `found_model`.
"""

from __future__ import annotations

from typing import ClassVar

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import BaseChannel, Channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import Taxonomy
from components.last_blessed.driver import Driver
from components.last_blessed.executor import Executor


class LastBlessedModelSpec(ComponentSpec):
    """Interface of LastBlessedModel. The driver adds `version_dir`, and so it is in the cache key:
    the step runs again when another version is the answer, and is reused until then."""

    PARAMETERS = {
        "pushed_dir": ExecutionParameter(type=str),
        "recipe": ExecutionParameter(type=str),
        "export_fingerprint": ExecutionParameter(type=str),
        "network": ExecutionParameter(type=str, optional=True),
        "version_dir": ExecutionParameter(type=str, optional=True),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "taxonomy": ChannelParameter(type=Taxonomy, optional=True)
    }
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "model": ChannelParameter(type=standard_artifacts.Model)
    }


class LastBlessedModel(BaseComponent):
    """Copies the pushed version that `find.find_last_blessed` names, or, where a network is given,
    the one that `find.find_starting_model` names.

    Give it an id (`.with_id`) where a pipeline has two.

    Inputs:
        taxonomy: components.artifacts.Taxonomy of the training; needed to compare.

    Outputs:
        model: standard_artifacts.Model, the SavedModel under `Format-Serving`; nothing lies there
            if no model was found.

    Args:
        pushed_dir: directory of numbered versions.
        recipe: `recipe_of` the training: models of the same recipe do not count.
        export_fingerprint: the rest of the recipe.
        network: of the training that is to start from the model.
    """

    SPEC_CLASS = LastBlessedModelSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        pushed_dir: str,
        *,
        recipe: str,
        export_fingerprint: str | RuntimeParameter,
        taxonomy: BaseChannel | None = None,
        network: str | None = None,
    ) -> None:
        assert (taxonomy is None) != (network is None), "to compare with, or to start from"
        super().__init__(
            spec=LastBlessedModelSpec(
                pushed_dir=pushed_dir,
                recipe=recipe,
                export_fingerprint=export_fingerprint,
                network=network,
                taxonomy=taxonomy,
                model=Channel(type=standard_artifacts.Model),
            )
        )
