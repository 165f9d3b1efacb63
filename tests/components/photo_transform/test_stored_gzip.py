from __future__ import annotations

import gzip
import os
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.transform import labels

from components.photo_transform.stored_gzip import StoringProcessor, WriteStored

RECORDS = [bytes([number]) * 5000 for number in range(20)]
FRAMING_BYTES = 16


def write(prefix: Path, records: list[bytes]) -> list[Path]:
    with beam.Pipeline(runner="DirectRunner") as pipeline:
        _ = pipeline | beam.Create(records, reshuffle=False) | WriteStored(str(prefix))
    return sorted(prefix.parent.iterdir())


def test_records_come_back_from_a_gzip_file_that_tfx_readers_know(tmp_path: Path) -> None:
    (path,) = write(tmp_path / "records", RECORDS)

    assert path.name == "records-00000-of-00001.gz"
    read = tf.data.TFRecordDataset(str(path), compression_type="GZIP").as_numpy_iterator()
    assert sorted(read) == RECORDS


def test_records_are_stored_and_not_deflated(tmp_path: Path) -> None:
    (path,) = write(tmp_path / "records", RECORDS)

    raw = sum(len(each) + FRAMING_BYTES for each in RECORDS)
    assert len(gzip.decompress(path.read_bytes())) == raw
    assert raw < path.stat().st_size < raw * 1.01


def test_same_records_give_the_same_file(tmp_path: Path) -> None:
    files = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (path,) = write(tmp_path / name / "records", RECORDS)
        os.utime(path, (0, 0))
        files.append(path.read_bytes())

    assert files[0] == files[1]


def test_transform_writes_its_examples_this_way(tmp_path: Path) -> None:
    # TFX gives a new version of the method other arguments, perhaps: this would show it.
    feature = schema_pb2.Feature(
        name="photo", type=schema_pb2.BYTES, shape={"dim": [{"size": 1}]}, presence={"min_count": 1}
    )
    batch = pa.RecordBatch.from_arrays([pa.array([[record] for record in RECORDS])], ["photo"])

    with beam.Pipeline(runner="DirectRunner") as pipeline:
        _ = (
            pipeline
            | beam.Create([(batch, {})], reshuffle=False)
            | StoringProcessor._EncodeAndWrite(
                schema=schema_pb2.Schema(feature=[feature]),
                file_format=labels.FORMAT_TFRECORD,
                output_path=str(tmp_path / "examples"),
            )
        )

    (path,) = tmp_path.iterdir()
    examples = [
        tf.train.Example.FromString(each)
        for each in tf.data.TFRecordDataset(str(path), compression_type="GZIP").as_numpy_iterator()
    ]
    assert sorted(e.features.feature["photo"].bytes_list.value[0] for e in examples) == RECORDS
    assert path.stat().st_size > sum(map(len, RECORDS))
