"""The answers of two models, counted photo by photo inside TFMA's pipeline.

As `table_branch`, an extractor that lets batches through as they are. Each model has prepared the
photos by itself, at its own input size: its signature begins with their bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.eval_config import BASELINE, CANDIDATE
from components.taxon_evaluator.paired.falls import find_falls
from components.taxon_evaluator.paired.pair_counts import NO_ANSWER, pair_counts, shared_taxa
from components.taxon_evaluator.paired.pairs_table import write_pairs
from components.taxon_evaluator.tables.keyed_sums import KeyedSums, merge
from components.taxon_evaluator.tables.merging import MergeParts
from schemas import record
from schemas.taxonomy_csv import read_taxonomy

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PairRequest:
    """What is to be compared, and where everything lies.

    Attributes:
        candidate_taxonomy_file: of the model.
        baseline_taxonomy_file: of the last blessed model.
        directory: for the table.
        alpha: see EvaluationSettings.
        max_fall: the same.
    """

    candidate_taxonomy_file: str
    baseline_taxonomy_file: str
    directory: str
    alpha: float
    max_fall: float


class CountPairs(beam.PTransform):
    """Passes batched extracts through, and writes `pairs.parquet` on the side.

    Args:
        request: what to count and where to write.
    """

    def __init__(self, request: PairRequest) -> None:
        super().__init__()
        self._request = request

    def expand(self, pcoll: beam.PCollection) -> beam.PCollection:
        """Returns `pcoll` itself."""
        counts = (
            pcoll
            | "CountPairsOfBatch" >> beam.ParDo(CountBatchPairs(self._request))
            | "MergePairs" >> beam.CombineGlobally(MergeParts(merge)).without_defaults()
        )
        _ = counts | "WritePairs" >> beam.ParDo(WritePairs(self._request))
        return pcoll


class CountBatchPairs(beam.DoFn):
    """Batched extracts with the answers of both models -> KeyedSums by taxon.

    Args:
        request: what to count.
    """

    def __init__(self, request: PairRequest) -> None:
        self._request = request

    def setup(self) -> None:
        """Reads both taxonomies, once a worker."""
        candidate = read_taxonomy(self._request.candidate_taxonomy_file)
        baseline = read_taxonomy(self._request.baseline_taxonomy_file)
        self._shared = shared_taxa(candidate, baseline)
        self._leaf_taxa = candidate.leaf_taxon_ids

    def process(self, element: dict[str, Any]) -> Iterator[KeyedSums]:
        """Yields the counts of a batch, if any of its photos can be compared."""
        predictions = element["predictions"]
        labels = np.asarray(element["features"][record.LABEL], np.int64).reshape(-1)
        counts = pair_counts(
            self._leaf_taxa[labels],
            answered_taxa(predictions[CANDIDATE], self._leaf_taxa),
            answered_taxa(predictions[BASELINE], self._leaf_taxa),
            self._shared,
        )
        if len(counts):
            yield counts


class WritePairs(beam.DoFn):
    """Counts of all photos -> the file.

    Args:
        request: where to.
    """

    def __init__(self, request: PairRequest) -> None:
        self._request = request

    def process(self, element: KeyedSums) -> None:
        """Writes the file."""
        falls = find_falls(element, alpha=self._request.alpha, max_fall=self._request.max_fall)
        write_pairs(falls, Path(self._request.directory))


def answered_taxa(predictions: Mapping[str, Any], leaf_taxa: Ints) -> Ints:
    """Returns int64 [B, k]: taxa that a model answers with, the best first.

    A photo with a score that is not a number has NO_ANSWER: it counts as wrong, as its rank does.

    Args:
        predictions: of the signature `serve_topk`, which names taxa, or of `evaluate`, which names
            classes.
        leaf_taxa: int64 [N], taxon id of each class.
    """
    if "taxon_ids" in predictions:
        taxa, scores = np.asarray(predictions["taxon_ids"]), predictions["scores"]
    else:
        taxa = leaf_taxa[np.asarray(predictions["topk_classes"], np.int64)]
        scores = predictions["topk_scores"]
    broken = np.isnan(np.asarray(scores)).any(axis=1)
    return np.where(broken[:, None], NO_ANSWER, taxa).astype(np.int64)
