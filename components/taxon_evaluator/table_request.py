"""What the table branch is asked for, told to extractors that TFX calls without a word.

TFX's Evaluator calls `custom_extractors` with a model and a config alone, and loads their module
anew to do so; so the request waits here, for as long as the pipeline is being built.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from components.taxon_evaluator.paired.pair_branch import PairRequest
from components.taxon_evaluator.tables.photo_columns import PhotoColumns
from components.taxon_evaluator.tables.taxon_tree import TaxonTree
from components.taxon_evaluator.tables.write_tables import TableSettings
from components.taxon_evaluator.training_photos import TrainingPhotos
from schemas.taxonomy_csv import read_taxonomy


@dataclass(frozen=True)
class TableRequest:
    """What the branch is to count, and where everything lies.

    Attributes:
        taxonomy_file: of the model.
        training_file: of TrainingPhotos.
        directory: for the tables.
        ranks: see EvaluationSettings.
        reliability_bins: the same.
        cell_degrees: the same.
        photos_per_confusion: the same.
        settings: of writing.
        pairs: the comparison with the last blessed model; None without one.
    """

    taxonomy_file: str
    training_file: str
    directory: str
    ranks: tuple[str, ...]
    reliability_bins: int
    cell_degrees: int
    photos_per_confusion: int
    settings: TableSettings
    pairs: PairRequest | None = None

    def columns(self) -> PhotoColumns:
        """Returns what is counted of a photo."""
        confident = self.settings.problems.confident_score
        return PhotoColumns(self.ranks, self.reliability_bins, confident)

    def tree(self) -> TaxonTree:
        """Reads the taxonomy."""
        return TaxonTree(read_taxonomy(self.taxonomy_file), self.ranks)

    def training(self) -> TrainingPhotos:
        """Reads what was trained on."""
        return TrainingPhotos.load(Path(self.training_file))


_REQUEST: ContextVar[TableRequest] = ContextVar("table_request")


@contextmanager
def requested(request: TableRequest) -> Iterator[None]:
    """Evaluators that are built inside count these tables, too."""
    token = _REQUEST.set(request)
    try:
        yield
    finally:
        _REQUEST.reset(token)


def current_request() -> TableRequest:
    """Returns the request that stands."""
    return _REQUEST.get()
