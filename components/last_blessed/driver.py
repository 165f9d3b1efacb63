"""Looks for the pushed model before TFX looks into its cache.

Where drivers do not run, as on Kubeflow, the executor looks itself.
"""

from __future__ import annotations

from tfx.dsl.components.base import base_driver as node_driver
from tfx.orchestration import metadata
from tfx.orchestration.portable import base_driver
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration.driver_output_pb2 import DriverOutput

from components.last_blessed.executor import find_version


class Driver(node_driver.BaseDriver, base_driver.BaseDriver):
    """See `component.LastBlessedModel`. Components ask for the one base, launchers for the other,
    as ExampleGen's own driver has them."""

    def __init__(self, metadata_handle: metadata.Metadata) -> None:
        node_driver.BaseDriver.__init__(self, metadata_handle)
        base_driver.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: ExecutionInfo) -> DriverOutput:
        """Returns the version found as `version_dir`, empty for none."""
        found = find_version(execution_info.input_dict, execution_info.exec_properties)
        output = DriverOutput()
        output.exec_properties["version_dir"].string_value = str(found or "")
        return output
