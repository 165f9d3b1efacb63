"""Transformed records of painted photos, as Transform writes them."""

from __future__ import annotations

import io
from pathlib import Path

import tensorflow as tf
from tiny_world import paint


def write_records(path: Path, photos: list[tuple[bytes, int]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for photo_id, (image, label) in enumerate(photos):
            feature = {
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
                "photo_id": tf.train.Feature(int64_list=tf.train.Int64List(value=[photo_id])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())
    return str(path)


def jpeg(seed: int) -> bytes:
    buffer = io.BytesIO()
    paint(50, 40, seed=seed).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()
