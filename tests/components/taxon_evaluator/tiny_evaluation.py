"""Ten photos of three owls, and models that say the same of each, through TFMA and our tables."""

from __future__ import annotations

import io
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tfx.components  # noqa: F401  (mends TFMA's names, and must come before it)
from apache_beam.options.pipeline_options import PipelineOptions
from PIL import Image

from components.last_blessed.find import has_same_leaves
from components.taxon_evaluator.config import EvaluationSettings
from components.taxon_evaluator.eval_config import BASELINE, build_eval_config
from components.taxon_evaluator.executor import judge_evaluation, table_request
from components.taxon_evaluator.table_branch import custom_extractors
from components.taxon_evaluator.table_request import TableRequest, requested
from components.taxon_evaluator.tables.table_files import TABLES_DIRECTORY
from components.taxon_evaluator.training_photos import TrainingPhotos, hash_observers
from components.taxon_evaluator.verdict import Verdict, read_verdict
from schemas import record
from schemas.record import TAXONOMY_FILE
from schemas.taxonomy_csv import read_taxonomy
from serving.fingerprint import EXTRAS
from serving.saved_model import export_saved_model

TAXONOMY_CSV = """parent_taxon_id,taxon_id,rank_level,leaf_class_id,name
,1,70,,Animalia
1,101,10,0,Strix aluco
1,102,10,1,Strix varia
1,103,10,2,Strix uralensis
"""
TAXA = (101, 102, 103)
LABELS = (0, 0, 0, 0, 0, 0, 1, 1, 1, 2)


FIRST_PHOTO_ID = 900
EVALUATION = "evaluation"
OBSERVERS = (b"ada", b"zoe")


def constant_model(scores: tuple[float, ...]) -> keras.Model:
    """A model that gives every photo the same scores."""
    pixels = keras.Input((None, None, 3), dtype="float32")
    pooled = keras.layers.GlobalAveragePooling2D()(pixels)
    logits = keras.layers.Dense(
        len(scores),
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant(np.log(scores)),
    )(pooled)
    return keras.Model(pixels, keras.layers.Softmax()(logits))


def export_constant(
    directory: Path,
    scores: tuple[float, ...],
    taxonomy_csv: str = TAXONOMY_CSV,
    temperature: float | None = None,
) -> Path:
    taxonomy_path = directory.parent / f"taxonomy-{directory.name}.csv"
    taxonomy_path.write_text(taxonomy_csv)
    export_saved_model(
        constant_model(scores),
        read_taxonomy(taxonomy_path),
        image_size_px=32,
        directory=directory,
        manifest={},
        temperature=temperature,
    )
    return directory


def write_records(path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 36), (9, 99, 200)).save(buffer, "JPEG")
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for number, label in enumerate(LABELS):
            features = {
                record.PHOTO_ID: tf.train.Feature(
                    int64_list=tf.train.Int64List(value=[FIRST_PHOTO_ID + number])
                ),
                record.OBSERVER: tf.train.Feature(
                    bytes_list=tf.train.BytesList(value=[OBSERVERS[number % 2]])
                ),
                record.LATITUDE: tf.train.Feature(
                    float_list=tf.train.FloatList(value=[float("nan") if number else 47.5])
                ),
                record.LONGITUDE: tf.train.Feature(
                    float_list=tf.train.FloatList(value=[float("nan") if number else 8.5])
                ),
                record.IMAGE: tf.train.Feature(
                    bytes_list=tf.train.BytesList(value=[buffer.getvalue()])
                ),
                record.ICONIC_TAXON: tf.train.Feature(
                    bytes_list=tf.train.BytesList(value=[b"Aves"])
                ),
                record.LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
                record.TAXON_ID: tf.train.Feature(
                    int64_list=tf.train.Int64List(value=[TAXA[label]])
                ),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def evaluate(directory: Path, settings: EvaluationSettings, models: dict[str, Path]) -> Verdict:
    """Runs TFMA as the Evaluator does, tables and verdict included; all lies in `directory`."""
    before = models[BASELINE] / EXTRAS / TAXONOMY_FILE if BASELINE in models else None
    with requested(request_in(directory, settings, before)):
        return evaluate_as_requested(directory, settings, models)


def request_in(
    directory: Path, settings: EvaluationSettings, before: Path | None = None
) -> TableRequest:
    """What the executor would ask for; observer "ada" is in training, and so are 5, 60 and 700
    photos of the leaves."""
    (directory / "taxonomy.csv").write_text(TAXONOMY_CSV)
    request = table_request(
        directory / "taxonomy.csv", directory / EVALUATION / TABLES_DIRECTORY, settings, before
    )
    Path(request.directory).mkdir(parents=True)
    training = TrainingPhotos(np.array([5, 60, 700]), hash_observers(["ada"]))
    training.save(Path(request.training_file))
    return request


def evaluate_as_requested(
    directory: Path, settings: EvaluationSettings, models: dict[str, Path]
) -> Verdict:
    import tensorflow_model_analysis as tfma

    taxonomy_file = directory / "taxonomy.csv"
    before = models[BASELINE] / EXTRAS / TAXONOMY_FILE if BASELINE in models else None
    config = build_eval_config(
        settings,
        has_baseline=before is not None,
        same_leaves=before is None
        or has_same_leaves(models[BASELINE], read_taxonomy(taxonomy_file)),
    )
    write_records(directory / "photos.gz")
    shared = [
        tfma.default_eval_shared_model(
            str(path), model_name=name, eval_config=config, tags=["serve"]
        )
        for name, path in models.items()
    ]
    tfma.run_model_analysis(
        eval_shared_model=shared,
        eval_config=config,
        extractors=custom_extractors(shared, config, None),
        data_location=str(directory / "photos.gz"),
        output_path=str(directory / EVALUATION),
        pipeline_options=PipelineOptions(["--runner=FnApiRunner"]),
    )
    judgement = judge_evaluation(directory / EVALUATION, settings, taxonomy_file, before)
    judgement.write(directory / EVALUATION / TABLES_DIRECTORY)
    return read_verdict(directory / EVALUATION)
