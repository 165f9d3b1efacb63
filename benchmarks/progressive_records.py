"""Transformed records of an export, as the pipeline's first steps leave them, without the pipeline.

Photos go through the functions of ExportExampleGen and of Transform, one after another: a few
thousand photos take less than TFX takes to start. A directory that is complete is used again.

    splits = prepared(Path("demo-export"), Path("work/records"), stored_size_px=128)
    splits["train"].files, splits["train"].count, splits["train"].num_leaves
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import tensorflow as tf

from components.export_example_gen.config import ExportSettings
from components.export_example_gen.records import Loader
from components.export_example_gen.row_batches import Located
from components.export_example_gen.splits import Placed
from components.photo_transform.config import TransformSettings
from components.photo_transform.preprocessing import preprocessing_fn
from components.photo_transform.small_copy import NO_COPY_PX
from schemas import record
from schemas.open_source import open_source
from schemas.photo_store import PhotoStore
from schemas.source import Source
from schemas.taxonomy import Taxonomy

FILES = 8
PHOTOS_AT_ONCE = 64
DONE_FILE = "splits.json"

_PARSED = {
    record.IMAGE: tf.io.FixedLenFeature([1], tf.string),
    record.ORIENTATION: tf.io.FixedLenFeature([1], tf.int64),
    record.PHOTO_ID: tf.io.FixedLenFeature([1], tf.int64),
    record.OBSERVATION_ID: tf.io.FixedLenFeature([1], tf.int64),
    record.TAXON_ID: tf.io.FixedLenFeature([1], tf.int64),
    record.ICONIC_TAXON: tf.io.FixedLenFeature([1], tf.string),
}


@dataclass(frozen=True)
class Split:
    """The records of a split.

    Attributes:
        files: TFRecord files (gzip).
        count: photos in them.
        num_leaves: N of the export.
    """

    files: list[str]
    count: int
    num_leaves: int


def prepared(export: Path, directory: Path, *, stored_size_px: int) -> dict[str, Split]:
    """Returns the splits of an export as records, written now or before.

    Args:
        export: a vision export or a competition set.
        directory: where the records go.
        stored_size_px: largest shorter side kept, as Transform's setting.
    """
    done = directory / DONE_FILE
    if not done.is_file():
        source = open_source(export)
        splits = {
            split: asdict(_write_split(source, split, directory, stored_size_px))
            for split in source.split_paths
        }
        done.write_text(json.dumps(splits, indent=1))
    return {name: Split(**values) for name, values in json.loads(done.read_text()).items()}


def _write_split(source: Source, split: str, directory: Path, stored_size_px: int) -> Split:
    taxonomy = source.taxonomy()
    folder = directory / split
    folder.mkdir(parents=True, exist_ok=True)
    leaf_taxa = directory / record.LEAF_TAXA_FILE
    leaf_taxa.write_text("".join(f"{taxon}\n" for taxon in taxonomy.leaf_taxon_ids))
    config = {
        "stored_size_px": stored_size_px,
        "small_size_px": NO_COPY_PX,
        "jpeg_quality": TransformSettings().jpeg_quality,
        "leaf_taxa_path": str(leaf_taxa),
    }
    transform = tf.function(lambda inputs: preprocessing_fn(inputs, config))
    paths = [str(folder / f"data_tfrecord-{number:05d}.gz") for number in range(FILES)]
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    writers = [tf.io.TFRecordWriter(path, options) for path in paths]
    raw, count = _raw_records(source, split, taxonomy), 0
    while batch := list(islice(raw, PHOTOS_AT_ONCE)):
        outputs = transform(tf.io.parse_example(tf.constant(batch), _PARSED))
        for row in range(len(batch)):
            writers[count % FILES].write(_example({k: v[row, 0] for k, v in outputs.items()}))
            count += 1
    for writer in writers:
        writer.close()
    return Split([str(Path(path).resolve()) for path in paths], count, taxonomy.num_leaves)


def _raw_records(source: Source, split: str, taxonomy: Taxonomy) -> Iterator[bytes]:
    store, max_pixels = PhotoStore(source.directory), ExportSettings().max_megapixels * 1_000_000
    loader = Loader(store, taxonomy, max_pixels=int(max_pixels))
    for row in source.rows(split):
        yield loader.load(Located(Placed(split, row), None, None)).example


def _example(values: dict[str, tf.Tensor]) -> bytes:
    def feature(value: tf.Tensor) -> tf.train.Feature:
        if value.dtype == tf.string:
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.numpy()]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))

    features = {name: feature(value) for name, value in values.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
