"""What an evaluation was of: the model, how labels and leaves met, what became of the photos.

said = Evaluated(split, model, source, report, evaluation, left_out, training)
print("\\n".join(said.lines()))
said.content()      # of `evaluated_file`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.evaluate.evaluation import Evaluation
from pipeline.evaluate.figures_text import NAME_WIDTH
from pipeline.evaluate.known_training import KnownTraining
from pipeline.evaluate.label_report import LabelReport
from pipeline.evaluate.open_model import OpenedModel
from pipeline.evaluate.photo_stream import LeftOut
from schemas.source import Source


@dataclass(frozen=True, eq=False)
class Evaluated:
    """An evaluation that has gone through its photos.

    Attributes:
        split: of the export.
        model: that answered.
        source: the export.
        labels: how labels and leaves met.
        evaluation: with its counts.
        left_out: photos that could not be used.
        training: of the model; None where it is not known.
    """

    split: str
    model: OpenedModel
    source: Source
    labels: LabelReport
    evaluation: Evaluation
    left_out: LeftOut
    training: KnownTraining | None

    def lines(self) -> Iterator[str]:
        """Yields it for people."""
        counts = self.evaluation.counts
        yield from _block("model", str(self.model.path), self._model_notes())
        text = f"{counts.evaluated:,} of {counts.rows:,} of {self.split} evaluated"
        yield from _block("photos", text, [*self._leaf_notes(), *self._file_notes()])

    def content(self) -> dict[str, Any]:
        """Returns it as JSON-able values."""
        counts, training = self.evaluation.counts, self.training
        return {
            "model": str(self.model.path),
            "export": self.source.directory.name,
            "split": self.split,
            "unknown_leaves": "errors" if self.evaluation.count_unknown else "leave-out",
            "photos": {
                "rows": counts.rows,
                "evaluated": counts.evaluated,
                "of_unknown_leaves": counts.unknown,
                "counted_as_taxon_above": counts.above,
                "missing": self.left_out.missing,
                "unreadable": self.left_out.unreadable,
            },
            "labels": self.labels.content(),
            "outputs": self.evaluation.output_note or "scores",
            "photos_digest": self.evaluation.photos_digest,
            "training": (
                {"export": training.export, "settings": dict(training.settings)}
                if training is not None
                else None
            ),
        }

    def _model_notes(self) -> list[str]:
        notes = [*self.labels.lines(), *filter(None, [self.evaluation.output_note])]
        if self.training is None:
            notes.append("what it was trained on is not known here, nor slices by that")
        return notes

    def _leaf_notes(self) -> Iterator[str]:
        counts = self.evaluation.counts
        leaves = f"{len(counts.unknown_leaves):,} leaves that it does not know"
        if counts.unknown and self.evaluation.count_unknown:
            yield f"{counts.unknown:,} of {leaves} are counted as errors"
        elif counts.unknown:
            share = f"{counts.unknown / counts.rows:.1%}"
            yield (
                f"{counts.unknown:,} of {leaves} ({share}) are left out; --unknown-leaves errors "
                "counts them"
            )
        else:
            yield "all are of leaves that it knows"
        if counts.above:
            yield (
                f"{counts.above:,} of {len(counts.above_leaves):,} leaves count as a taxon above, "
                "which is what it knows"
            )

    def _file_notes(self) -> Iterator[str]:
        if self.left_out.missing:
            fetch = f"`fieldmark fetch-photos {self.source.directory}`"
            yield f"{self.left_out.missing:,} are not on disk; {fetch} fetches them"
        if self.left_out.unreadable:
            yield f"{self.left_out.unreadable:,} cannot be read"
        yield from (f"  {example}" for example in self.left_out.examples)


def _block(name: str, text: str, notes: list[str]) -> Iterator[str]:
    yield f"{name:<{NAME_WIDTH}}{text}"
    for note in notes:
        yield f"{'':<{NAME_WIDTH}}{note}"
