"""TFX's Evaluator executor, which also writes the tables of every taxon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx.components.evaluator import executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from components.taxon_evaluator.config import EvaluationSettings
from components.taxon_evaluator.table_branch import CUSTOM_EXTRACTORS
from components.taxon_evaluator.table_request import TableRequest, requested
from components.taxon_evaluator.tables.table_files import TABLES_DIRECTORY
from components.taxon_evaluator.tables.write_tables import TableSettings
from components.taxon_evaluator.training_photos import count_training_photos
from schemas.record import TAXONOMY_FILE
from schemas.taxonomy_csv import read_taxonomy

TRAINING_FILE = "training_photos.npz"
"""Beside the tables: what the model was trained on."""

OWN_INPUTS = ("taxonomy", "photo_index")


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
        directory = Path(artifact_utils.get_single_uri(output_dict["evaluation"]))
        directory /= TABLES_DIRECTORY
        directory.mkdir(parents=True, exist_ok=True)
        training = count_training_photos(index_dir, read_taxonomy(taxonomy_file))
        training.save(directory / TRAINING_FILE)
        settings = EvaluationSettings.model_validate_json(exec_properties["settings"])
        stock_inputs = {key: value for key, value in input_dict.items() if key not in OWN_INPUTS}
        with requested(table_request(taxonomy_file, directory, settings)):
            super().Do(
                stock_inputs,
                output_dict,
                {**exec_properties, "custom_extractors": CUSTOM_EXTRACTORS},
            )


def table_request(
    taxonomy_file: Path, directory: Path, settings: EvaluationSettings
) -> TableRequest:
    """Returns what an evaluation of these settings counts.

    Args:
        taxonomy_file: of the model.
        directory: for the tables; TRAINING_FILE lies there.
        settings: of the Evaluator.
    """
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
        ),
    )
