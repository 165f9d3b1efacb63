"""Was this photo in training? The answer of each model.

1. Only photos of the split train changed a model's weights. Photos of val and test judged it.
2. "No" is said only of a model whose photo index is there. Where it is not, nothing is known.

    for answer in answers([*models], photo_id(25)):
        answer.place, answer.in_training, answer.photos
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.lineage.find_photos import (
    FoundPhoto,
    SetAsidePhoto,
    find_photos,
    find_set_aside,
    knows_observations,
)
from pipeline.lineage.photo_question import Question
from pipeline.lineage.trained_models import TrainedModel
from schemas.record import TAXONOMY_FILE
from schemas.taxonomy_csv import read_taxonomy

TRAIN = "train"
NO_INDEX = "trained before Fieldmark kept an index of its photos"


@dataclass(frozen=True)
class Answer:
    """What one model has to do with a photo.

    Attributes:
        model: the model.
        photos: where the photo stands in its indexes; several for an observation, or where photos
            only look like it.
        set_aside: rows of the photo that were left out.
        unknown: why nothing can be told; None if it can.
        taxon_names: scientific name by taxon id, of the taxa of `photos`.
    """

    model: TrainedModel
    photos: tuple[FoundPhoto, ...] = ()
    set_aside: tuple[SetAsidePhoto, ...] = ()
    unknown: str | None = None
    taxon_names: tuple[tuple[int, str], ...] = ()

    @property
    def looks_alike(self) -> bool:
        """Whether `photos` only look like the one that was asked for."""
        return any(photo.distance is not None for photo in self.photos)

    @property
    def place(self) -> str:
        """One of: train, val, test, looks like, set aside, not in the export, unknown."""
        if self.looks_alike:
            return "looks like"
        if self.photos:
            # A photo stands in one split; one of an observation in train is what counts.
            return min((photo.split for photo in self.photos), key=lambda split: split != TRAIN)
        if self.unknown:
            # A list of photos set aside does not tell: it may name one of two rows of a photo.
            return "unknown"
        return "set aside" if self.set_aside else "not in the export"

    @property
    def in_training(self) -> bool | None:
        """Whether it changed the weights; None if that is not known."""
        if self.looks_alike or self.place == "unknown":
            return None
        return self.place == TRAIN


def answers(models: Sequence[TrainedModel], question: Question) -> list[Answer]:
    """Returns the answer of each model, in their order.

    All indexes are read in one scan.

    Raises:
        DataError: if an index, a list of photos set aside or a taxonomy cannot be read.
    """
    there = dict.fromkeys(index for model in models for index in model.indexes if index.is_dir())
    found = find_photos(there, question)
    left_out = _set_aside(models, question)
    return [_answer(model, question, found, left_out) for model in models]


def _answer(
    model: TrainedModel,
    question: Question,
    found: dict[Path, list[FoundPhoto]],
    left_out: dict[Path, list[SetAsidePhoto]],
) -> Answer:
    photos = [photo for index in model.indexes for photo in found.get(index, ())]
    set_aside = [row for folder in model.set_aside for row in left_out.get(folder, ())]
    # Where one index has the very photo, those of others that look like it do not matter.
    photos = [photo for photo in photos if photo.distance is None] or photos
    if photos:
        return Answer(model, tuple(photos), tuple(set_aside), None, _names(model, photos))
    return Answer(model, (), tuple(set_aside), _why_unknown(model, question))


def _why_unknown(model: TrainedModel, question: Question) -> str | None:
    if not model.indexes:
        return NO_INDEX
    gone = [index for index in model.indexes if not index.is_dir()]
    if question.kind == "photo_id":
        gone += [folder for folder in model.set_aside if not folder.is_dir()]
    if gone:
        return f"{gone[0]} is gone; put it back, or run the pipeline again"
    if question.kind == "observation" and not any(map(knows_observations, model.indexes)):
        return "its export knows no observations; ask by --photo-id"
    return None


def _set_aside(
    models: Iterable[TrainedModel], question: Question
) -> dict[Path, list[SetAsidePhoto]]:
    """By directory; the lists know photos by their id alone."""
    if question.kind != "photo_id":
        return {}
    folders = dict.fromkeys(folder for model in models for folder in model.set_aside)
    return {
        folder: find_set_aside(folder, int(question.value)) for folder in folders if folder.is_dir()
    }


def _names(model: TrainedModel, photos: Iterable[FoundPhoto]) -> tuple[tuple[int, str], ...]:
    """Names are an extra: without a taxonomy on disk the answer has ids only."""
    wanted, names = {photo.taxon_id for photo in photos}, dict[int, str]()
    for folder in model.taxonomies:
        if not (folder / TAXONOMY_FILE).is_file():
            continue
        taxonomy = read_taxonomy(folder / TAXONOMY_FILE)
        for taxon_id in wanted & taxonomy.node_of_taxon.keys():
            names.setdefault(taxon_id, taxonomy.names[taxonomy.node_of_taxon[taxon_id]])
    return tuple(sorted(names.items()))
