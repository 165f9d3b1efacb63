"""TaxonEvaluator: TFX's Evaluator, which also counts every taxon and writes what it found."""

from __future__ import annotations

from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.types import BaseChannel, Channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.types.standard_component_specs import EvaluatorSpec
from tfx.utils import json_utils

from components.artifacts import PhotoIndex, Taxonomy
from components.taxon_evaluator.config import EvaluationSettings
from components.taxon_evaluator.eval_config import METRICS_MODULE, bars_of, build_eval_config
from components.taxon_evaluator.executor import Executor
from schemas.source_hash import source_hash

CODE = (Executor.__module__, METRICS_MODULE)
"""What decides what is evaluated, and how."""


class TaxonEvaluatorSpec(EvaluatorSpec):
    """TFX's spec, with the taxonomy, the photo index, our settings and our code's hash."""

    PARAMETERS = {
        **EvaluatorSpec.PARAMETERS,
        "settings": ExecutionParameter(type=str),
        "code_version": ExecutionParameter(type=str),
    }
    INPUTS = {
        **EvaluatorSpec.INPUTS,
        "taxonomy": ChannelParameter(type=Taxonomy),
        "photo_index": ChannelParameter(type=PhotoIndex),
    }


class TaxonEvaluator(BaseBeamComponent):
    """Evaluates a model overall, on every taxon and on every other slice, and blesses it.

    Inputs:
        examples: standard_artifacts.Examples, transformed records.
        model: standard_artifacts.Model, with the `evaluate` signature.
        baseline_model: standard_artifacts.Model of a LastBlessedModel, to compare with; optional.
            Where its classes mean other taxa, it is compared on the leaves that both have.
        taxonomy: components.artifacts.Taxonomy.
        photo_index: components.artifacts.PhotoIndex, for what the model was trained on.

    Outputs:
        evaluation: standard_artifacts.ModelEvaluation, TFMA's output, `tables/*.parquet` (see
            `tables.table_files`) and `tables/verdict.json` (see `judgement`).
        blessing: standard_artifacts.ModelBlessing, given if TFMA's thresholds and our bars agree.
    """

    SPEC_CLASS = TaxonEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: BaseChannel,
        model: BaseChannel,
        taxonomy: BaseChannel,
        photo_index: BaseChannel,
        settings: EvaluationSettings,
        *,
        baseline_model: BaseChannel | None = None,
    ) -> None:
        # Whether there is a baseline, and what its classes mean, is known when the step runs; the
        # executor makes the config anew. This one holds every bar that TFMA may be asked for.
        eval_config = build_eval_config(settings, has_baseline=True)
        super().__init__(
            spec=TaxonEvaluatorSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                taxonomy=taxonomy,
                photo_index=photo_index,
                example_splits=json_utils.dumps(list(settings.splits)),
                eval_config=eval_config,
                fairness_indicator_thresholds="null",
                # TFMA's bars and splits are in the properties above: a change of them is said once.
                settings=settings.model_dump_json(exclude={"splits", *bars_of(eval_config)}),
                code_version=source_hash(*CODE),
                evaluation=Channel(type=standard_artifacts.ModelEvaluation),
                blessing=Channel(type=standard_artifacts.ModelBlessing),
            )
        )
