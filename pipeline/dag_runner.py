"""TFX's LocalDagRunner, telling somebody of each step."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2

StepObserver = Callable[[str, int, int], AbstractContextManager[None]]
"""(step id, its number from 1, number of steps) -> a context that the step runs in."""


class ObservedDagRunner(LocalDagRunner):
    """Runs the steps in order, each inside a context that the observer gives.

    LocalDagRunner itself has no hook between steps; this is its loop with one.

    Args:
        observer: told of each step before and after it runs.
    """

    def __init__(self, observer: StepObserver) -> None:
        super().__init__()
        self._observer = observer

    def run_with_ir(
        self,
        pipeline: pipeline_pb2.Pipeline,
        run_options: pipeline_pb2.RunOptions | None = None,
    ) -> None:
        """Runs a compiled pipeline; partial runs are not offered."""
        assert run_options is None, "partial runs are not offered"
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline,
            {constants.PIPELINE_RUN_ID_PARAMETER_NAME: datetime.datetime.now().isoformat()},
        )
        steps = list(_launchers(pipeline))
        for number, (step, step_launcher) in enumerate(steps, start=1):
            with self._observer(step, number, len(steps)):
                step_launcher.launch()


def _launchers(pipeline: pipeline_pb2.Pipeline) -> Iterator[tuple[str, launcher.Launcher]]:
    deployment = runner_utils.extract_local_deployment_config(pipeline)
    connection = getattr(
        deployment.metadata_connection_config,
        deployment.metadata_connection_config.WhichOneof("connection_config"),
    )
    for node in pipeline.nodes:
        step = node.pipeline_node.node_info.id
        yield (
            step,
            launcher.Launcher(
                pipeline_node=node.pipeline_node,
                mlmd_connection=metadata.Metadata(connection),
                pipeline_info=pipeline.pipeline_info,
                pipeline_runtime_spec=pipeline.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(deployment, step),
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, step),
            ),
        )
