"""Transform, with the Taxonomy as an input and our code in its cache key."""

from __future__ import annotations

import json

from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.types import BaseChannel, Channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.types.standard_component_specs import TransformSpec

from components.artifacts import Taxonomy
from components.photo_transform.config import TransformSettings
from components.photo_transform.executor import Executor
from components.photo_transform.small_copy import small_copy_px
from schemas.source_hash import source_hash

PREPROCESSING_FN = "components.photo_transform.preprocessing.preprocessing_fn"


CODE = (Executor.__module__, PREPROCESSING_FN.rpartition(".")[0])
"""What decides how photos are stored."""


class PhotoTransformSpec(TransformSpec):
    """TFX's spec, and `taxonomy` and `code_version`."""

    PARAMETERS = {**TransformSpec.PARAMETERS, "code_version": ExecutionParameter(type=str)}
    INPUTS = {**TransformSpec.INPUTS, "taxonomy": ChannelParameter(type=Taxonomy)}


class PhotoTransform(BaseBeamComponent):
    """Stores every photo upright, small and labelled (see `preprocessing`).

    Inputs:
        examples: standard_artifacts.Examples, raw records.
        schema: standard_artifacts.Schema of the raw records.
        taxonomy: components.artifacts.Taxonomy.

    Outputs:
        transform_graph: standard_artifacts.TransformGraph.
        transformed_examples: standard_artifacts.Examples, splits as they came.
    """

    SPEC_CLASS = PhotoTransformSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: BaseChannel,
        schema: BaseChannel,
        taxonomy: BaseChannel,
        settings: TransformSettings,
        *,
        stored_size_px: int,
        smallest_stage_px: int,
    ) -> None:
        examples_out = Channel(type=standard_artifacts.Examples)
        # Splits follow the input's, also where they are known only when the step runs.
        examples_out.matching_channel_name = "examples"
        custom_config = {
            "stored_size_px": stored_size_px,
            "small_size_px": small_copy_px(
                settings, stored_size_px=stored_size_px, smallest_stage_px=smallest_stage_px
            ),
            "jpeg_quality": settings.jpeg_quality,
        }
        super().__init__(
            spec=PhotoTransformSpec(
                examples=examples,
                schema=schema,
                taxonomy=taxonomy,
                preprocessing_fn=PREPROCESSING_FN,
                custom_config=json.dumps(custom_config),
                force_tf_compat_v1=0,
                # TFX's own statistics would hold every photo's bytes: no image_domain there.
                disable_statistics=1,
                code_version=source_hash(*CODE),
                transform_graph=Channel(type=standard_artifacts.TransformGraph),
                transformed_examples=examples_out,
            )
        )
