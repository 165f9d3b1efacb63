"""Photos and settings for the benchmarks of training, as Transform stores them.

train, val = write_photos(directory, train=256, val=32, side_px=128)
given = preset_settings("fixed", "small", size_px=128, batch=32, epochs=1)
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.loop import Photos
from schemas import record
from schemas.settings import load_settings

LEAVES = 24
FILES = 4


def write_photos(directory: Path, *, train: int, val: int, side_px: int) -> tuple[Photos, Photos]:
    """Writes photos of soft blobs under grain; their leaves mean nothing."""
    return (
        _write_split(directory / "train", train, side_px, seed=0),
        _write_split(directory / "val", val, side_px, seed=1),
    )


def _write_split(directory: Path, count: int, side_px: int, seed: int) -> Photos:
    directory.mkdir(parents=True)
    random = np.random.default_rng(seed)
    paths = [str(directory / f"data-{index:05d}.gz") for index in range(FILES)]
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)
    for index, path in enumerate(paths):
        with tf.io.TFRecordWriter(path, options) as writer:
            for number in range(index, count, FILES):
                writer.write(_example(_photo(side_px, random), number % LEAVES, number + 1))
    return Photos(paths, count)


def _photo(side_px: int, random: np.random.Generator) -> bytes:
    blobs = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8))
    soft = np.asarray(blobs.resize((side_px * 4 // 3, side_px), Image.Resampling.BICUBIC))
    grain = random.normal(0, 7, soft.shape[:2])[..., np.newaxis]
    buffer = io.BytesIO()
    pixels = np.clip(soft + grain, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG", quality=92, subsampling=0)
    return buffer.getvalue()


def _example(photo: bytes, label: int, photo_id: int) -> bytes:
    features = {
        record.IMAGE: tf.train.Feature(bytes_list=tf.train.BytesList(value=[photo])),
        record.LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        record.PHOTO_ID: tf.train.Feature(int64_list=tf.train.Int64List(value=[photo_id])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def preset_settings(
    preset: str, network: str, *, size_px: int, batch: int, epochs: float
) -> TrainerSettings:
    """Returns the settings of a training by a preset of the schedule."""
    fitted: dict[str, Any] = {
        "name": preset,
        "epochs": epochs,
        "image_size_px": size_px,
        "global_batch": batch,
        "batch_multiple": 4,
    }
    given = {"network": network, "schedule": {"preset": fitted}, "eval_batch": 32}
    return load_settings(TrainerSettings, given, source="trainer")
