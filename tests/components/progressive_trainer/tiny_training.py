"""A few small photos as transformed records, and the settings of trainings that take seconds."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.loop import Photos
from components.progressive_trainer.stop_request import StopRequest
from schemas import record
from schemas.settings import load_settings

NUM_LEAVES = 3

FIRST_ID = 7001
"""Photo id of photo number 0."""

THIN = (8, 12, 16)
"""Widths of a network that trains as `small` does and takes a tenth of the time to trace."""


def jpeg(number: int, size: tuple[int, int] = (48, 40)) -> bytes:
    """A photo of its own: noise around a colour that goes by number % NUM_LEAVES."""
    rng = np.random.default_rng(number)
    colour = np.eye(3)[number % NUM_LEAVES] * 120 + 60
    pixels = np.clip(colour + rng.normal(0, 40, (size[1], size[0], 3)), 0, 255)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def halved(photo: bytes) -> bytes:
    """A small copy of a photo."""
    small = tf.image.resize(tf.io.decode_jpeg(photo), [20, 24], antialias=True)
    return bytes(tf.io.encode_jpeg(tf.cast(small, tf.uint8), quality=95).numpy())


def write_records(
    directory: Path,
    labels: Sequence[int],
    *,
    files: int,
    size: tuple[int, int] = (48, 40),
    small: Callable[[bytes], bytes] | None = None,
    level: int = 0,
) -> list[str]:
    """Writes photo number i with label labels[i], dealt out over the files.

    `small` makes the small copy of a photo; without it, records have none, as older ones. At level
    0 of gzip nothing is deflated, as Transform writes records; 1 to 9 deflate.
    """
    paths = [str(directory / f"data_tfrecord-{index:05d}.gz") for index in range(files)]
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=level)
    for index, path in enumerate(paths):
        with tf.io.TFRecordWriter(path, options) as writer:
            for number in range(index, len(labels), files):
                photo = jpeg(number, size)
                copy = small(photo) if small else None
                writer.write(_example(photo, labels[number], FIRST_ID + number, copy))
    return paths


def _example(photo: bytes, label: int, photo_id: int, small: bytes | None) -> bytes:
    features = {
        record.IMAGE: tf.train.Feature(bytes_list=tf.train.BytesList(value=[photo])),
        record.LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        record.PHOTO_ID: tf.train.Feature(int64_list=tf.train.Int64List(value=[photo_id])),
    }
    if small is not None:
        features[record.IMAGE_SMALL] = tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[small])
        )
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write_split(directory: Path, count: int, *, files: int) -> Photos:
    """Writes `count` photos whose leaf is their colour's."""
    directory.mkdir(parents=True)
    labels = [number % NUM_LEAVES for number in range(count)]
    return Photos(write_records(directory, labels, files=files), count)


def stage(
    batch: int, epochs: float, *, size: int = 32, dropout: float = 0.3, augment: float = 0.5
) -> dict[str, Any]:
    """A stage as a config would write it."""
    return {
        "image_size_px": size,
        "global_batch": batch,
        "epochs": epochs,
        "learning_rate": 0.01,
        "dropout": dropout,
        "augment": augment,
    }


def settings(stages: Sequence[dict[str, Any]], **values: Any) -> TrainerSettings:
    """Settings of a training on the smallest network."""
    given = {
        "network": "small",
        "schedule": {"stages": list(stages), "warmup_epochs": 0.5},
        "shuffle_buffer_photos": 5,
        "eval_batch": 4,
        **values,
    }
    return load_settings(TrainerSettings, given, source="trainer")


class StopsAt(StopRequest):
    """Asks to stop in the step number `step` of this process."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._left = step

    def flag(self) -> float:
        self._left -= 1
        if self._left == 0:
            self.ask()
        return super().flag()
