"""Photos that a model is quantised by: a few of every taxon, so that no taxon's range is cut off.

Full int8 learns from them how large activations get. Drawn as they come, photos of common taxa
would decide alone; here the taxa take turns.

Laws: the draw depends on the labels and the seed alone; no taxon gets two more than another that
still had photos to give.

    stratified_draw(labels, 200, seed=1)                                 # int64 [200], sorted
    representative_pixels(files, size_px=299, photos=200, seed=1)        # float32 [200, S, S, 3]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas import record
from schemas.errors import DataError
from serving.preprocess import prepare_batch

PHOTOS_LOOKED_AT = 20_000
"""Of the split, the first so many records are drawn from: ExampleGen has shuffled them."""

_LABEL = {record.LABEL: tf.io.FixedLenFeature([], tf.int64)}
_IMAGE = {record.IMAGE: tf.io.FixedLenFeature([], tf.string)}


def stratified_draw(
    labels: npt.NDArray[np.int64], count: int, *, seed: int
) -> npt.NDArray[np.int64]:
    """Returns int64 [count], sorted: which photos are drawn; all if there are fewer.

    Args:
        labels: int64 [P], leaf class of each photo.
        count: how many to draw.
        seed: of the draw.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_taxon = shuffled[np.argsort(labels[shuffled], kind="stable")]
    sorted_labels = labels[by_taxon]
    first = np.searchsorted(sorted_labels, sorted_labels)
    turn = np.empty(len(labels), np.int64)
    turn[by_taxon] = np.arange(len(labels)) - first
    # Within a turn the shuffled order decides, so that no taxon comes first for its number.
    order = shuffled[np.argsort(turn[shuffled], kind="stable")]
    return np.sort(order[:count]).astype(np.int64)


def representative_pixels(
    files: Sequence[str], *, size_px: int, photos: int, seed: int
) -> npt.NDArray[np.float32]:
    """Returns float32 [P, S, S, 3], 0..255: the drawn photos as the network takes them.

    Args:
        files: gzipped TFRecords of transformed records.
        size_px: S.
        photos: P, fewer if there are fewer.
        seed: of the draw.

    Raises:
        DataError: if there is no photo.
    """
    drawn = set(stratified_draw(_labels(files), photos, seed=seed).tolist())
    if not drawn:
        raise DataError(
            ", ".join(files) or "examples",
            problem="has no photo to quantise the model by.",
            remedy="Choose a split with photos, or leave full_int8 out of mobile_export.variants.",
        )
    images = [
        tf.io.parse_single_example(serialized, _IMAGE)[record.IMAGE]
        for number, serialized in enumerate(_records(files))
        if number in drawn
    ]
    pixels = [prepare_batch(image[None], size_px)[0].numpy() for image in images]
    return np.stack(pixels)


def _records(files: Sequence[str]) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(list(files), compression_type="GZIP").take(PHOTOS_LOOKED_AT)


def _labels(files: Sequence[str]) -> npt.NDArray[np.int64]:
    batches = _records(files).batch(256).map(lambda b: tf.io.parse_example(b, _LABEL)[record.LABEL])
    return np.concatenate([np.zeros(0, np.int64), *batches.as_numpy_iterator()])
