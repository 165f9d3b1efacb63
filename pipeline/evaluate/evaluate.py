"""`fieldmark evaluate`, step by step: open, match labels, go through the photos, write, tell.

for line in evaluate(EvaluateRequest(model=..., export_dir=..., jobs=2)):
    print(line)
"""

from __future__ import annotations

import sys
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from components.taxon_evaluator.config import EvaluationSettings
from components.taxon_evaluator.tables.tables import Tables
from components.taxon_evaluator.tables.write_tables import TableSettings, write_tables
from pipeline.evaluate.evaluated import Evaluated
from pipeline.evaluate.evaluated_file import EVALUATED_FILE, write_evaluated
from pipeline.evaluate.evaluation import Evaluation
from pipeline.evaluate.figures_text import NAME_WIDTH, figure_lines
from pipeline.evaluate.joint_taxonomy import join
from pipeline.evaluate.known_training import KnownTraining, known_training
from pipeline.evaluate.label_matches import Synonyms, match_labels
from pipeline.evaluate.label_report import LabelReport
from pipeline.evaluate.labels import comparable
from pipeline.evaluate.open_model import OpenSettings, open_model
from pipeline.evaluate.outputs import OutputReader, Outputs
from pipeline.evaluate.photo_stream import PhotoStream
from pipeline.evaluate.places import observation_key, read_places
from pipeline.evaluate.progress import photo_progress
from schemas.errors import ConfigError
from schemas.open_source import open_source
from schemas.photo_store import PhotoStore
from schemas.source import Source
from schemas.synonyms import read_synonym_names, read_synonyms
from schemas.taxonomy import Taxonomy


@dataclass(frozen=True)
class EvaluateRequest:
    """What is asked for.

    Attributes:
        model: path of the model.
        export_dir: of the export.
        split: of the export.
        open_settings: of opening the model.
        synonyms: table of taxa that changed; None for none.
        out: for the tables; None for nowhere.
        count_unknown: whether photos of leaves that the model does not know are errors.
        outputs: what the model puts out, if it is not ours.
        crop_share: see `serving.prepare_file`.
        min_photos: taxa with fewer are not listed among the worst.
        batch_photos: answered at a time.
        jobs: threads that decode.
    """

    model: Path
    export_dir: Path
    split: str = "val"
    open_settings: OpenSettings = field(default_factory=OpenSettings)
    synonyms: Path | None = None
    out: Path | None = None
    count_unknown: bool = False
    outputs: Outputs = "auto"
    crop_share: float = 1.0
    min_photos: int = 10
    batch_photos: int = 16
    jobs: int = 1


def evaluate(request: EvaluateRequest) -> Iterator[str]:
    """Yields the report, line by line.

    Raises:
        ConfigError: if something asked for does not exist or does not fit.
        DataError: if a file is faulty.
        FieldmarkError: if no photo can be evaluated, or the model's answers are no numbers.
    """
    source = open_source(request.export_dir)
    _check(request, source)
    model = open_model(request.model, request.open_settings)
    taxonomy = source.taxonomy()
    matches = match_labels(model.labels, taxonomy, _synonyms(request.synonyms))
    joint = join(taxonomy, model.labels, matches)
    report = LabelReport.of(taxonomy, model.labels, matches, joint)
    keys = _observation_keys(source, request.split, taxonomy)
    training = known_training(model.path, joint.taxonomy)
    outputs = OutputReader("scores" if model.is_ours else request.outputs, step=model.output_step)
    evaluation = Evaluation(
        source,
        request.split,
        taxonomy,
        joint=joint,
        network=model.network,
        outputs=outputs,
        temperature=model.temperature,
        places=read_places(source, np.frombuffer(keys, np.int64)),
        training=training.photos if training is not None else None,
        settings=EvaluationSettings(),
        count_unknown=request.count_unknown,
    )
    stream = PhotoStream(
        PhotoStore(source.directory),
        size_px=model.network.image_size_px,
        batch_photos=request.batch_photos,
        jobs=request.jobs,
        crop_share=request.crop_share,
    )
    with photo_progress(sys.stderr, total=len(keys)) as show:
        tables = evaluation.run(stream, show)
    said = Evaluated(request.split, model, source, report, evaluation, stream.left_out, training)
    yield from said.lines()
    with tempfile.TemporaryDirectory() as scratch:
        directory = request.out or Path(scratch)
        _write(tables, evaluation, training, directory)
        yield ""
        yield from figure_lines(directory, min_photos=request.min_photos)
    if request.out is not None:
        write_evaluated(said.content(), request.out)
        yield ""
        yield f"{'tables':<{NAME_WIDTH}}{request.out}"


def _check(request: EvaluateRequest, source: Source) -> None:
    if request.split not in source.split_paths:
        raise ConfigError(
            f"The export {str(request.export_dir)!r} has no split {request.split!r}. It has: "
            f"{', '.join(source.split_paths)}."
        )
    out = request.out
    if out is None or not out.is_dir() or (out / EVALUATED_FILE).is_file():
        return
    if any(out.iterdir()):
        raise ConfigError(
            f"{str(out)!r} holds something that is no evaluation of this command. Give --out a "
            "new or empty directory."
        )


def _synonyms(path: Path | None) -> Synonyms:
    if path is None:
        return Synonyms()
    names = read_synonym_names(path)
    return Synonyms(
        read_synonyms(path), {comparable(name): taxon_ids for name, taxon_ids in names.items()}
    )


def _observation_keys(source: Source, split: str, taxonomy: Taxonomy) -> array[int]:
    keys = array("q")
    for row in source.rows(split, taxonomy=taxonomy):
        keys.append(observation_key(row))
    return keys


def _write(
    tables: Tables, evaluation: Evaluation, training: KnownTraining | None, directory: Path
) -> None:
    settings = EvaluationSettings()
    photos = training.photos if training is not None else None
    num_leaves = evaluation.tree.taxonomy.num_leaves
    write_tables(
        tables,
        evaluation.tree,
        evaluation.columns,
        photos.per_leaf if photos is not None else np.zeros(num_leaves, np.int64),
        TableSettings(
            # Where nothing is known of training, one bucket says so: "0 and more".
            bucket_edges=settings.train_photos_edges if photos is not None else (),
            min_slice_photos=settings.min_slice_photos,
            confusions_per_leaf=settings.confusions_per_leaf,
            problems=settings.problems,
        ),
        directory,
        photos.leaves if photos is not None else None,
    )
