"""TFX's Evaluator executor, which also writes the tables of every taxon, and may withhold the
blessing that TFMA's thresholds alone would give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tensorflow_model_analysis.proto import config_pb2
from tfx.components.evaluator import executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import proto_utils

from components.last_blessed.executor import found_model
from components.last_blessed.find import has_same_leaves
from components.taxon_evaluator.blessing import withhold
from components.taxon_evaluator.comparison import compare
from components.taxon_evaluator.config import EvaluationSettings
from components.taxon_evaluator.eval_config import TOP1, bars_of, build_eval_config
from components.taxon_evaluator.judgement import Judgement, judge
from components.taxon_evaluator.leaf_photos import count_leaf_photos
from components.taxon_evaluator.paired.pair_branch import PairRequest
from components.taxon_evaluator.paired.pairs_table import read_pairs
from components.taxon_evaluator.problem_taxa import worst_problems
from components.taxon_evaluator.slice_judgement import judge_slices
from components.taxon_evaluator.table_branch import CUSTOM_EXTRACTORS
from components.taxon_evaluator.table_request import TableRequest, requested
from components.taxon_evaluator.tables.leaf_groups import OVERALL
from components.taxon_evaluator.tables.table_files import TABLES_DIRECTORY, read_metric
from components.taxon_evaluator.tables.write_tables import TableSettings
from components.taxon_evaluator.tfma_validation import tfma_failures
from components.taxon_evaluator.training_photos import count_training_photos
from schemas.record import TAXONOMY_FILE
from schemas.taxonomy_csv import read_taxonomy
from serving.fingerprint import EXTRAS

TRAINING_FILE = "training_photos.npz"
"""Beside the tables: what the model was trained on."""

OWN_INPUTS = ("taxonomy", "photo_index")
BASELINE_MODEL = "baseline_model"


class Executor(executor.Executor):
    """See `component.TaxonEvaluator`."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        taxonomy_file = Path(artifact_utils.get_single_uri(input_dict["taxonomy"])) / TAXONOMY_FILE
        index_dir = Path(artifact_utils.get_single_uri(input_dict["photo_index"]))
        evaluation_dir = Path(artifact_utils.get_single_uri(output_dict["evaluation"]))
        directory = evaluation_dir / TABLES_DIRECTORY
        directory.mkdir(parents=True, exist_ok=True)
        taxonomy = read_taxonomy(taxonomy_file)
        training = count_training_photos(index_dir, taxonomy)
        training = replace(training, leaves=count_leaf_photos([index_dir], taxonomy))
        training.save(directory / TRAINING_FILE)
        settings = settings_of(exec_properties)
        baseline = found_model(input_dict, BASELINE_MODEL)
        baseline_file = baseline / EXTRAS / TAXONOMY_FILE if baseline else None
        own = OWN_INPUTS if baseline else (*OWN_INPUTS, BASELINE_MODEL)
        stock_inputs = {key: value for key, value in input_dict.items() if key not in own}
        eval_config = build_eval_config(
            settings,
            has_baseline=baseline is not None,
            same_leaves=baseline is None or has_same_leaves(baseline, read_taxonomy(taxonomy_file)),
        )
        with requested(table_request(taxonomy_file, directory, settings, baseline_file)):
            super().Do(
                stock_inputs,
                output_dict,
                {
                    **exec_properties,
                    "eval_config": proto_utils.proto_to_json(eval_config),
                    "custom_extractors": CUSTOM_EXTRACTORS,
                },
            )
        judgement = judge_evaluation(evaluation_dir, settings, taxonomy_file, baseline_file)
        judgement.write(directory)
        if not judgement.blessed:
            withhold(artifact_utils.get_single_instance(output_dict["blessing"]))


def settings_of(exec_properties: Mapping[str, Any]) -> EvaluationSettings:
    """Returns the settings that the step's properties hold: TFMA's bars are in its own config.

    Args:
        exec_properties: of the step.
    """
    eval_config = config_pb2.EvalConfig()
    proto_utils.json_to_proto(exec_properties["eval_config"], eval_config)
    written = json.loads(exec_properties["settings"])
    return EvaluationSettings.model_validate({**written, **bars_of(eval_config)})


def judge_evaluation(
    evaluation_dir: Path,
    settings: EvaluationSettings,
    taxonomy_file: Path,
    baseline_taxonomy_file: Path | None,
) -> Judgement:
    """Returns the verdict on what TFMA and the tables say.

    Args:
        evaluation_dir: TFMA's output; the tables lie in it.
        settings: of the Evaluator.
        taxonomy_file: of the model.
        baseline_taxonomy_file: of the last blessed model; None without one.
    """
    directory = evaluation_dir / TABLES_DIRECTORY
    taxonomy, comparison = read_taxonomy(taxonomy_file), None
    if baseline_taxonomy_file is not None:
        baseline = read_taxonomy(baseline_taxonomy_file)
        comparison = compare(taxonomy, baseline, read_pairs(directory))
    return judge(
        settings,
        top1=read_metric(directory, OVERALL, TOP1)["value"][0].as_py(),
        comparison=comparison,
        tfma_failures=tfma_failures(evaluation_dir),
        slice_bars=judge_slices(settings.bars, partial(read_metric, directory)),
        problems=worst_problems(directory, taxonomy),
    )


def table_request(
    taxonomy_file: Path,
    directory: Path,
    settings: EvaluationSettings,
    baseline_taxonomy_file: Path | None = None,
) -> TableRequest:
    """Returns what an evaluation of these settings counts.

    Args:
        taxonomy_file: of the model.
        directory: for the tables; TRAINING_FILE lies there.
        settings: of the Evaluator.
        baseline_taxonomy_file: of the last blessed model; None without one.
    """
    pairs = None
    if baseline_taxonomy_file is not None:
        pairs = PairRequest(
            candidate_taxonomy_file=str(taxonomy_file),
            baseline_taxonomy_file=str(baseline_taxonomy_file),
            directory=str(directory),
            alpha=settings.alpha,
            max_fall=settings.max_fall,
        )
    return TableRequest(
        taxonomy_file=str(taxonomy_file),
        training_file=str(directory / TRAINING_FILE),
        directory=str(directory),
        ranks=settings.ranks,
        reliability_bins=settings.reliability_bins,
        cell_degrees=settings.cell_degrees,
        photos_per_confusion=settings.photos_per_confusion,
        settings=TableSettings(
            bucket_edges=settings.train_photos_edges,
            min_slice_photos=settings.min_slice_photos,
            confusions_per_leaf=settings.confusions_per_leaf,
            problems=settings.problems,
        ),
        pairs=pairs,
    )
