"""The evaluation of one model on one split: photos through the network into the Evaluator's tables.

What is counted is what `components.taxon_evaluator` counts in a pipeline, by the same code; only
Beam is not there, since tables merge in a plain loop as well.

    evaluation = Evaluation(source, "val", model, settings)
    tables = evaluation.run(on_progress=print)
    write_tables(tables, evaluation.tree, evaluation.columns, ...)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from components.taxon_evaluator.config import EvaluationSettings
from components.taxon_evaluator.tables.part_stack import PartStack
from components.taxon_evaluator.tables.photo_columns import PhotoColumns
from components.taxon_evaluator.tables.photo_slices import OBSERVER, UNKNOWN, photo_slices
from components.taxon_evaluator.tables.tables import Photos, Tables, merge_tables, tables_of
from components.taxon_evaluator.tables.taxon_tree import TaxonTree
from components.taxon_evaluator.training_photos import TrainingPhotos
from pipeline.evaluate.joint_taxonomy import Joint
from pipeline.evaluate.model_answers import AnswerReader
from pipeline.evaluate.outputs import OutputReader
from pipeline.evaluate.photo_stream import PhotoBatch, PhotoStream
from pipeline.evaluate.places import Places, observation_key
from schemas import record
from schemas.errors import FieldmarkError
from schemas.photo_row import PhotoRow
from schemas.source import Source
from schemas.taxonomy import Taxonomy
from serving.network import Network

Ints = npt.NDArray[np.int64]


@dataclass
class PhotoCounts:
    """What became of the photos of a split.

    Attributes:
        rows: gone through so far.
        evaluated: answered and counted.
        unknown: of leaves that the model does not know.
        above: of leaves that it knows only as a taxon above.
        unknown_leaves: leaf classes of the export that `unknown` are of.
        above_leaves: the same of `above`.
    """

    rows: int = 0
    evaluated: int = 0
    unknown: int = 0
    above: int = 0
    unknown_leaves: set[int] = field(default_factory=set)
    above_leaves: set[int] = field(default_factory=set)


class Evaluation:
    """Goes through a split once.

    Args:
        source: the export.
        split: of it.
        taxonomy: of it.
        joint: the tree of model and export.
        network: of the model.
        outputs: reads the network's outputs.
        temperature: of the model; None if it has none.
        places: of the split's observations.
        training: what the model was trained on; None where that is not known.
        settings: of the Evaluator.
        count_unknown: whether photos of unknown leaves are errors, or left out.

    Attributes:
        tree, columns: of the tables.
        count_unknown: as given.
        counts: of photos.
    """

    def __init__(
        self,
        source: Source,
        split: str,
        taxonomy: Taxonomy,
        *,
        joint: Joint,
        network: Network,
        outputs: OutputReader,
        temperature: float | None,
        places: Places,
        training: TrainingPhotos | None,
        settings: EvaluationSettings,
        count_unknown: bool,
    ) -> None:
        self._source, self._split, self._taxonomy, self._joint = source, split, taxonomy, joint
        self._network, self._outputs, self._places = network, outputs, places
        self._training, self._settings, self.count_unknown = training, settings, count_unknown
        self._answers = AnswerReader(joint.output_classes, temperature)
        self.tree = TaxonTree(joint.taxonomy, settings.ranks)
        self.columns = PhotoColumns(
            settings.ranks, settings.reliability_bins, settings.problems.confident_score
        )
        self.counts = PhotoCounts()
        self._digest = 0

    @property
    def photos_digest(self) -> str:
        """16 hex digits over the photos evaluated, whatever their order."""
        return f"{self._digest:016x}"

    @property
    def output_note(self) -> str:
        """What people should know of the model's outputs; "" for nothing."""
        return self._outputs.note

    def run(self, stream: PhotoStream, on_progress: Callable[[int], None]) -> Tables:
        """Returns the tables of all photos.

        Args:
            stream: prepares photos.
            on_progress: is told the rows gone through, batch after batch.

        Raises:
            FieldmarkError: if there is no photo to evaluate.
            DataError: if a row is faulty.
        """
        stack = PartStack(merge_tables, lambda tables: tables.rows)
        for batch in stream.batches(self._rows()):
            stack.add(self._count(batch))
            self.counts.evaluated += len(batch.rows)
            on_progress(self.counts.rows)
        on_progress(self.counts.rows)
        tables = stack.merged()
        if tables is None:
            raise FieldmarkError(self._why_nothing(stream))
        return tables

    def _rows(self) -> Iterator[tuple[PhotoRow, int]]:
        """Rows to evaluate, each with its class."""
        joint, counts = self._joint, self.counts
        for row in self._source.rows(self._split, taxonomy=self._taxonomy):
            counts.rows += 1
            leaf = row.leaf_class_id
            if not joint.is_known[leaf]:
                counts.unknown += 1
                counts.unknown_leaves.add(leaf)
                if not self.count_unknown:
                    continue
            elif not joint.is_itself[leaf]:
                counts.above += 1
                counts.above_leaves.add(leaf)
            yield row, int(joint.leaf_classes[leaf])

    def _count(self, batch: PhotoBatch) -> Tables:
        scores = self._outputs.scores(self._network.scores(batch.pixels))
        photo_ids = np.array([row.photo_id for row in batch.rows], np.int64)
        for photo_id in photo_ids.tolist():
            digest = hashlib.blake2b(b"%d" % photo_id, digest_size=8).digest()
            self._digest = (self._digest + int.from_bytes(digest)) % 2**64
        photos = Photos(
            self._answers.answers(scores, batch.truths), photo_ids, self._slices(batch, photo_ids)
        )
        return tables_of(
            photos, self.tree, self.columns, max_photos=self._settings.photos_per_confusion
        )

    def _slices(self, batch: PhotoBatch, photo_ids: Ints) -> dict[str, npt.NDArray[np.str_]]:
        keys = np.array([observation_key(row) for row in batch.rows], np.int64)
        features = self._places.at(keys)
        features[record.PHOTO_ID] = photo_ids
        features[record.LICENSE] = np.array([row.license or "" for row in batch.rows], np.str_)
        features[record.OBSERVER] = np.array([row.observer or "" for row in batch.rows], np.str_)
        training = self._training or TrainingPhotos(np.zeros(0, np.int64), np.zeros(0, np.uint64))
        slices = photo_slices(features, training, cell_degrees=self._settings.cell_degrees)
        if self._training is None:
            slices[OBSERVER] = np.full(len(keys), UNKNOWN)
        return slices

    def _why_nothing(self, stream: PhotoStream) -> str:
        counts, left_out = self.counts, stream.left_out
        unknown = 0 if self.count_unknown else counts.unknown
        text = (
            f"No photo of {self._split} could be evaluated. Of {counts.rows:,}, {unknown:,} are of "
            f"leaves that the model does not know, {left_out.missing:,} are not on disk and "
            f"{left_out.unreadable:,} cannot be read."
        )
        if left_out.examples:
            text += f" The first: {left_out.examples[0]}"
        if left_out.missing:
            text += f" `fieldmark fetch-photos {self._source.directory}` fetches photos."
        elif unknown:
            text += " Are the labels of this model, and scientific names?"
        return text
