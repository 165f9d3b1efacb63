"""The stream of training photos: endless, exact, and able to start anywhere.

Photo number e of a run is always the same photo with the same augmentation: epoch e // P shuffles
the photos with a seed of its own, and every random draw for a photo is seeded by (run seed, e). So
a run that starts again at e goes on as if it had never stopped, and batches of any size cut the one
stream without dropping or repeating a photo.

Where the shuffle buffer has room for all photos they are read once and held, and an epoch's order
is drawn from all orders of their ids alike, however the records lie in the files. Otherwise each
epoch reads the files anew, in a shuffled order, and shuffles the records through the buffer. Which
of the two depends on the data and the settings only.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from components.photo_decode import decode_covering
from components.progressive_trainer.held_photos import HeldPhotos
from components.progressive_trainer.photo_order import (
    READ_AT_ONCE,
    Places,
    Share,
    records_in_order,
    rows_in_order,
)
from components.progressive_trainer.photo_view import (
    NO_COPY,
    EncodedPhotos,
    to_uint8,
    training_views,
)
from schemas import record
from serving.preprocess import square

LABELS_AT_ONCE = 256
"""Encoded photos held in memory, a thread, while their labels are counted."""

PREPARED_TOGETHER = 32
"""Training photos that one thread decodes in a call: what a call costs, and what is the same
arithmetic for each, is then paid once for all. More gains nothing, and holds more memory."""

READY_BATCHES = 2
"""Batches kept ready for each replica: the next, and one more while that is handed over."""

UNKNOWN_ID = 0
"""Stands for the photo id of a record that has none."""

_FILLER = b""
"""Stands for no photo, where a batch must be filled up."""

_FEATURES = {
    record.IMAGE: tf.io.FixedLenFeature([], tf.string),
    record.LABEL: tf.io.FixedLenFeature([], tf.int64),
}
_TRAINING_FEATURES = {
    **_FEATURES,
    # Records without them do as well: only errors name a photo, and its small copy saves time.
    record.PHOTO_ID: tf.io.FixedLenFeature([], tf.int64, default_value=UNKNOWN_ID),
    record.IMAGE_SMALL: tf.io.FixedLenFeature([], tf.string, default_value=NO_COPY),
}


def count_photos(files: Sequence[str]) -> int:
    """Returns the number of records in TFRecord files (gzip), without decoding a photo."""
    dataset = tf.data.TFRecordDataset(
        list(files), compression_type="GZIP", num_parallel_reads=READ_AT_ONCE
    )
    return int(dataset.reduce(tf.constant(0, tf.int64), lambda count, _: count + 1).numpy())


def count_labels(files: Sequence[str]) -> np.ndarray:
    """Returns int64 [largest label + 1], records of each label, without decoding a photo."""
    records = tf.data.TFRecordDataset(
        list(files), compression_type="GZIP", num_parallel_reads=READ_AT_ONCE
    )
    labels = records.batch(LABELS_AT_ONCE).map(
        lambda batch: tf.io.parse_example(batch, {record.LABEL: _FEATURES[record.LABEL]}),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    counts = np.zeros(0, np.int64)
    for batch in labels.as_numpy_iterator():
        more = np.bincount(batch[record.LABEL], minlength=len(counts))
        more[: len(counts)] += counts
        counts = more
    return counts


_WHOLE = Share()


def training_stream(
    files: Sequence[str],
    *,
    num_photos: int,
    start_examples: int,
    image_size_px: int,
    global_batch: int,
    steps: int,
    augment: float,
    seed: int,
    shuffle_buffer_photos: int,
    rand_augment: float = 0.0,
    transpose: float = 0.0,
    share: Share = _WHOLE,
) -> tf.data.Dataset:
    """Returns a worker's part of `steps` global batches, from photo `start_examples` of the run on.

    Args:
        files: TFRecord files (gzip) of transformed records.
        num_photos: P, records in all the files together.
        start_examples: photos of the run already seen.
        image_size_px: S.
        global_batch: photos a step over all replicas; divisible by their number.
        steps: number of global batches.
        augment: augmentation strength, 0..1.
        seed: seed of the run.
        shuffle_buffer_photos: encoded photos held in memory for shuffling; if that is all of them,
            they are read here, once.
        rand_augment: RandAugment's magnitude, 0 for none.
        transpose: probability that a photo's rows and columns change places, 0..1.
        share: which part of every global batch to prepare.

    Returns:
        Dataset of (images uint8 [B, S, S, 3], labels int64 [B], photo ids int64 [B]), B the batch
        of one replica; the batches of a step come in replica order. Photos are decoded only for
        this worker's part.
    """
    batch = global_batch // share.workers // share.replicas
    places = Places(num_photos, start_examples, global_batch, steps, share)
    whole = batch == PREPARED_TOGETHER
    held, in_order = None, sorted(files)
    if num_photos <= shuffle_buffer_photos:
        held = HeldPhotos.read(in_order, _TRAINING_FEATURES, num_photos=num_photos)
        # As vectors: one by one, passing on a number costs as much as a tenth of its photo.
        drawn = rows_in_order(held, places, seed).rebatch(PREPARED_TOGETHER, drop_remainder=whole)
    else:
        records = records_in_order(in_order, places, seed, shuffle_buffer_photos)
        drawn = records.batch(PREPARED_TOGETHER, drop_remainder=whole)

    # Here as in the steps no Python branch hangs on a tensor; to find that out, and to write it all
    # anew, AutoGraph took longer than everything else that begins a stream.
    @tf.autograph.experimental.do_not_convert
    def prepare(offsets: tf.Tensor, these: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        if held:
            photos, rows, (labels, photo_ids) = held.photos, these, held.named(these)
        else:
            photos, labels, photo_ids = _parsed(these)
            rows = tf.range(tf.size(labels))
        numbers = offsets + start_examples
        images = training_views(
            photos,
            rows,
            tf.stack([tf.fill(tf.shape(numbers), tf.constant(seed, tf.int64)), numbers], axis=1),
            image_size_px=image_size_px,
            augment=augment,
            rand_augment=rand_augment,
            transpose=transpose,
        )
        return images, labels, photo_ids

    photos = drawn.map(prepare, num_parallel_calls=_cores(), deterministic=True)
    batches = photos if whole else photos.rebatch(batch, drop_remainder=True)
    return _ready(batches, steps=steps, share=share)


def _ready(batches: tf.data.Dataset, *, steps: int, share: Share) -> tf.data.Dataset:
    """Batches for the replicas in turn, some of them kept ready."""
    batches = batches.apply(tf.data.experimental.assert_cardinality(steps * share.replicas))
    options = tf.data.Options()
    # It would find these numbers; and to time each element took 8 % of the reading at 100 px.
    options.autotune.enabled = False
    return batches.prefetch(READY_BATCHES * share.replicas).with_options(options)


def _cores() -> int:
    """As many photos are decoded at a time as there are cores."""
    return len(os.sched_getaffinity(0))


def _parsed(serialized: tf.Tensor) -> tuple[EncodedPhotos, tf.Tensor, tf.Tensor]:
    """Photos, labels and photo ids of records, string [B]."""
    parsed = tf.io.parse_example(serialized, _TRAINING_FEATURES)
    photos = EncodedPhotos.of(parsed[record.IMAGE], parsed[record.IMAGE_SMALL])
    return photos, parsed[record.LABEL], parsed[record.PHOTO_ID]


def validation_stream(
    files: Sequence[str],
    *,
    num_photos: int,
    image_size_px: int,
    global_batch: int,
    share: Share = _WHOLE,
) -> tf.data.Dataset:
    """Returns a worker's part of every photo once, in whole batches.

    The last global batch is filled up with empty photos of weight 0: nothing is dropped, and every
    replica gets work.

    Args:
        files: TFRecord files (gzip) of transformed records.
        num_photos: records in all the files together.
        image_size_px: S.
        global_batch: photos a step over all replicas; divisible by their number.
        share: which part of every global batch to prepare.

    Returns:
        Dataset of (images uint8 [B, S, S, 3], labels int64 [B], weights float32 [B]).
    """
    steps = -(-num_photos // global_batch)
    worker_batch = global_batch // share.workers

    @tf.autograph.experimental.do_not_convert
    def prepare(_: tf.Tensor, serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        def filler() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            empty = tf.zeros([image_size_px, image_size_px, 3], tf.uint8)
            return empty, tf.constant(0, tf.int64), tf.constant(0.0)

        def photo() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            example = tf.io.parse_single_example(serialized, _FEATURES)
            image = square(decode_covering(example[record.IMAGE], image_size_px), image_size_px)
            return to_uint8(image), example[record.LABEL], tf.constant(1.0)

        return tf.cond(tf.equal(serialized, _FILLER), filler, photo)

    records = tf.data.TFRecordDataset(sorted(files), compression_type="GZIP")
    fillers = tf.data.Dataset.from_tensors(_FILLER).repeat(steps * global_batch - num_photos)
    dataset = records.concatenate(fillers).enumerate()
    if share.workers > 1:
        dataset = dataset.filter(
            lambda offset, _: (offset % global_batch) // worker_batch == share.worker
        )
    photos = dataset.map(prepare, num_parallel_calls=_cores(), deterministic=True)
    batches = photos.batch(worker_batch // share.replicas, drop_remainder=True)
    return _ready(batches, steps=steps, share=share)
