"""The tables of an evaluation, counted inside TFMA's own pipeline while batches are still whole.

TFMA hands on one photo at a time from its slices on; tens of slices of millions of photos would
cost minutes of Python. So our extractor, which TFX's Evaluator takes as `custom_extractors`, lets
batches through as they are and counts them on the side, in arrays, on whatever runner Beam has.

    with requested(request):
        evaluator_executor.Do(..., {**properties, "custom_extractors": CUSTOM_EXTRACTORS})
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.eval_config import CANDIDATE
from components.taxon_evaluator.paired.pair_branch import CountPairs
from components.taxon_evaluator.table_request import TableRequest, current_request
from components.taxon_evaluator.tables.merging import MergeTables
from components.taxon_evaluator.tables.photo_figures import Answers
from components.taxon_evaluator.tables.photo_slices import photo_slices
from components.taxon_evaluator.tables.tables import Photos, Tables, tables_of
from components.taxon_evaluator.tables.write_tables import write_tables
from components.taxon_evaluator.training_photos import TrainingPhotos
from schemas import record

CUSTOM_EXTRACTORS = f"{__name__}.custom_extractors"
"""What TFX's Evaluator is told to import."""

_CALIBRATED = {
    "calibrated_truth_scores": "calibrated_label_score",
    "calibrated_top_scores": "calibrated_top_score",
}
"""Fields of Answers by what the `evaluate` signature of a calibrated model calls them."""

STAGE, PAIR_STAGE = "CountTables", "CountPairs"


def custom_extractors(eval_shared_model: Any, eval_config: Any, tensor_adapter_config: Any) -> Any:
    """Returns TFMA's extractors and, before batches are taken apart, ours."""
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.extractors import unbatch_extractor

    extractors = tfma.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
    )
    stages = [extractor.stage_name for extractor in extractors]
    place = stages.index(unbatch_extractor.UNBATCH_EXTRACTOR_STAGE_NAME)
    request = current_request()
    ours = [tfma.extractors.Extractor(stage_name=STAGE, ptransform=CountTables(request))]
    if request.pairs is not None:
        pairs = CountPairs(request.pairs)
        ours.append(tfma.extractors.Extractor(stage_name=PAIR_STAGE, ptransform=pairs))
    return [*extractors[:place], *ours, *extractors[place:]]


class CountTables(beam.PTransform):
    """Passes batched extracts through, and writes their tables on the side.

    Args:
        request: what to count and where to write.
    """

    def __init__(self, request: TableRequest) -> None:
        super().__init__()
        self._request = request

    def expand(self, pcoll: beam.PCollection) -> beam.PCollection:
        """Returns `pcoll` itself."""
        tables = (
            pcoll
            | "CountBatch" >> beam.ParDo(CountBatch(self._request))
            | "MergeTables" >> beam.CombineGlobally(MergeTables()).without_defaults()
        )
        _ = tables | "WriteTables" >> beam.ParDo(WriteTables(self._request))
        return pcoll


class CountBatch(beam.DoFn):
    """Batched extracts with features and predictions -> Tables.

    Args:
        request: what to count.
    """

    def __init__(self, request: TableRequest) -> None:
        self._request = request

    def setup(self) -> None:
        """Reads the taxonomy and what was trained on, once a worker."""
        self._columns, self._tree = self._request.columns(), self._request.tree()
        self._training = self._request.training()

    def process(self, element: dict[str, Any]) -> Iterator[Tables]:
        """Yields the tables of a batch."""
        photos = photos_of(element, self._training, cell_degrees=self._request.cell_degrees)
        yield tables_of(
            photos, self._tree, self._columns, max_photos=self._request.photos_per_confusion
        )


class WriteTables(beam.DoFn):
    """Tables of all photos -> files.

    Args:
        request: where to.
    """

    def __init__(self, request: TableRequest) -> None:
        self._request = request

    def process(self, element: Tables) -> None:
        """Writes the files."""
        training = self._request.training()
        write_tables(
            element,
            self._request.tree(),
            self._request.columns(),
            training.per_leaf,
            self._request.settings,
            Path(self._request.directory),
            training.leaves,
        )


def photos_of(
    extracts: Mapping[str, Any], training: TrainingPhotos, *, cell_degrees: int
) -> Photos:
    """Returns a batch of TFMA's extracts as photos.

    Args:
        extracts: batched, with features and predictions; of several models, the candidate's.
        training: what was trained on.
        cell_degrees: edge of a cell.
    """
    predictions = extracts["predictions"]
    predictions = predictions.get(CANDIDATE, predictions)
    names = (
        record.PHOTO_ID,
        record.LABEL,
        record.LICENSE,
        record.OBSERVED_ON,
        record.OBSERVER,
        record.LATITUDE,
        record.LONGITUDE,
    )
    features = {
        name: _flat(extracts["features"][name]) for name in names if name in extracts["features"]
    }
    answers = Answers(
        truths=features[record.LABEL].astype(np.int64),
        classes=np.asarray(predictions["topk_classes"], np.int64),
        scores=np.nan_to_num(np.asarray(predictions["topk_scores"], np.float64)),
        ranks=_flat(predictions["label_rank"]).astype(np.int64),
        truth_scores=_flat(predictions["label_score"]).astype(np.float64),
        **{
            field: _flat(predictions[name]).astype(np.float64)
            for field, name in _CALIBRATED.items()
            if name in predictions
        },
    )
    slices = photo_slices(features, training, cell_degrees=cell_degrees)
    return Photos(answers, features[record.PHOTO_ID].astype(np.int64), slices)


def _flat(values: Any) -> npt.NDArray[Any]:
    return np.asarray(values).reshape(-1)
