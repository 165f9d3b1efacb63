"""ExportExampleGen: an iNaturalist export becomes records."""

from __future__ import annotations

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import Channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import PhotoIndex, SetAside, Taxonomy
from components.export_example_gen.config import ExportSettings
from components.export_example_gen.executor import Executor
from schemas.source_hash import source_hash

CODE = (Executor.__module__,)
"""What decides what is read, and how."""


class ExportExampleGenSpec(ComponentSpec):
    """Interface of ExportExampleGen."""

    PARAMETERS = {
        "export_dir": ExecutionParameter(type=str),
        "export_fingerprint": ExecutionParameter(type=str),
        "settings": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "taxonomy": ChannelParameter(type=Taxonomy),
        "set_aside": ChannelParameter(type=SetAside),
        "photo_index": ChannelParameter(type=PhotoIndex),
    }


class ExportExampleGen(BaseBeamComponent):
    """Reads an export with splits: one record a photo, in the export's own splits.

    Outputs:
        examples: standard_artifacts.Examples, raw records (schemas.record), splits train, val
            and, where the export has one, test.
        taxonomy: components.artifacts.Taxonomy.
        set_aside: components.artifacts.SetAside: photos that are missing, unreadable, in two
            splits or under two leaves, or placeholders of removed ones, each with file, row and
            reason.
        photo_index: components.artifacts.PhotoIndex: path, credits and hashes of each photo that
            became a record (schemas.photo_index), in the same splits.

    Args:
        export_dir: the export's directory.
        export_fingerprint: changes when a split file, the taxonomy or any photo changes; TFX's
            cache knows nothing else of them.
    """

    SPEC_CLASS = ExportExampleGenSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(
        self,
        export_dir: str | RuntimeParameter,
        settings: ExportSettings,
        *,
        export_fingerprint: str | RuntimeParameter,
    ) -> None:
        super().__init__(
            spec=ExportExampleGenSpec(
                export_dir=export_dir,
                export_fingerprint=export_fingerprint,
                settings=settings.model_dump_json(),
                code_version=source_hash(*CODE),
                examples=Channel(type=standard_artifacts.Examples),
                taxonomy=Channel(type=Taxonomy),
                set_aside=Channel(type=SetAside),
                photo_index=Channel(type=PhotoIndex),
            )
        )
