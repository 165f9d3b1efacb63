"""The stream of training photos: endless, exact, and able to start anywhere.

Photo number e of a run is always the same photo with the same augmentation: epoch e // P shuffles
the photos with a seed of its own, and every random draw for a photo is seeded by (run seed, e). So
a run that starts again at e goes on as if it had never stopped, and batches of any size cut the one
stream without dropping or repeating a photo.

Where the shuffle buffer has room for all photos they are read once and held. Of larger splits each
photo is read where it lies in its file. In both an epoch's order is drawn from all orders of the
photos' ids alike, however the records lie in the files, and it is the same order. Where disks seek
slowly, or the files were deflated, each epoch reads the files from their beginnings, in a shuffled
order, and shuffles the records through the buffer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from components.photo_decode import decode_covering
from components.progressive_trainer.damaged_file import damage_named
from components.progressive_trainer.held_photos import HeldPhotos
from components.progressive_trainer.photo_files import UNKNOWN_ID, PhotoFiles
from components.progressive_trainer.photo_order import (
    READ_AT_ONCE,
    Places,
    RowsById,
    Share,
    records_in_order,
    rows_in_order,
)
from components.progressive_trainer.photo_view import (
    NO_COPY,
    EncodedPhotos,
    Jpegs,
    TrainingViews,
    to_uint8,
)
from components.progressive_trainer.view_plan import ViewPlan
from schemas import record
from serving.preprocess import square

LABELS_AT_ONCE = 256
"""Encoded photos held in memory, a thread, while their labels are counted."""

PREPARED_TOGETHER = 32
"""Training photos that one thread decodes in a call: what a call costs, and what is the same
arithmetic for each, is then paid once for all. More gains nothing, and holds more memory."""

READY_BATCHES = 2
"""Batches kept ready for each replica: the next, and one more while that is handed over."""

READ_AHEAD = 2
"""Times PREPARED_TOGETHER photos read from their files before they are decoded."""

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
    """Returns the number of records in TFRecord files (gzip), without decoding a photo.

    Raises:
        FieldmarkError: if a file is damaged.
    """
    dataset = tf.data.TFRecordDataset(
        tf.constant(list(files), tf.string),
        compression_type="GZIP",
        num_parallel_reads=READ_AT_ONCE,
    )
    with damage_named(files):
        return int(dataset.reduce(tf.constant(0, tf.int64), lambda count, _: count + 1).numpy())


def count_labels(files: Sequence[str]) -> np.ndarray:
    """Returns int64 [largest label + 1], records of each label, without decoding a photo.

    Raises:
        FieldmarkError: if a file is damaged.
    """
    records = tf.data.TFRecordDataset(
        tf.constant(list(files), tf.string),
        compression_type="GZIP",
        num_parallel_reads=READ_AT_ONCE,
    )
    labels = records.batch(LABELS_AT_ONCE).map(
        lambda batch: tf.io.parse_example(batch, {record.LABEL: _FEATURES[record.LABEL]}),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    counts = np.zeros(0, np.int64)
    with damage_named(files):
        for batch in labels.as_numpy_iterator():
            more = np.bincount(batch[record.LABEL], minlength=len(counts))
            more[: len(counts)] += counts
            counts = more
    return counts


_WHOLE = Share()
_Draw = Callable[[tf.Tensor], tf.Tensor]


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
    photo_files: PhotoFiles | None = None,
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
        shuffle_buffer_photos: encoded photos that may be held in memory; if that is all of them,
            they are read here, once.
        rand_augment: RandAugment's magnitude, 0 for none.
        transpose: probability that a photo's rows and columns change places, 0..1.
        share: which part of every global batch to prepare.
        photo_files: where each photo lies, of photos that are not held; without it, records are
            read in the order of the files, and shuffled through a buffer.

    Returns:
        Dataset of (images uint8 [B, S, S, 3], labels int64 [B], photo ids int64 [B]), B the batch
        of one replica; the batches of a step come in replica order. Photos are decoded only for
        this worker's part.
    """
    batch = global_batch // share.workers // share.replicas
    places = Places(num_photos, start_examples, global_batch, steps, share)
    whole = batch == PREPARED_TOGETHER
    views = TrainingViews(image_size_px, augment, rand_augment, transpose)
    draw = partial(_seeds, seed, start_examples)
    in_order = sorted(files)

    def rows_together(table: RowsById) -> tf.data.Dataset:
        # As vectors: one by one, passing on a number costs as much as a tenth of its photo.
        rows = rows_in_order(table, places, seed)
        return rows.rebatch(PREPARED_TOGETHER, drop_remainder=whole)

    if num_photos <= shuffle_buffer_photos:
        held = HeldPhotos.read(in_order, _TRAINING_FEATURES, num_photos=num_photos)
        photos = _in_parallel(rows_together(held), _decode_held(held, views, draw))
    elif photo_files:
        # By one thread: several would wait for each other, for Python runs one of them at a time.
        read = (
            rows_together(photo_files)
            .map(_read_planned(photo_files, views, draw))
            .prefetch(READ_AHEAD)
        )
        photos = _in_parallel(read, _decode_read(views))
    else:
        records = records_in_order(in_order, places, seed, shuffle_buffer_photos)
        records = records.batch(PREPARED_TOGETHER, drop_remainder=whole)
        photos = _in_parallel(records, _decode_records(views, draw))
    batches = photos if whole else photos.rebatch(batch, drop_remainder=True)
    return _ready(batches, steps=steps, share=share)


def _in_parallel(dataset: tf.data.Dataset, work: Callable[..., Any]) -> tf.data.Dataset:
    """As many elements are worked on at a time as there are cores."""
    return dataset.map(work, num_parallel_calls=_cores(), deterministic=True)


def _seeds(seed: int, start_examples: int, offsets: tf.Tensor) -> tf.Tensor:
    """Int64 [B, 2], of photos so many after photo `start_examples` of the run."""
    numbers = offsets + start_examples
    return tf.stack([tf.fill(tf.shape(numbers), tf.constant(seed, tf.int64)), numbers], axis=1)


# Here as in the steps no Python branch hangs on a tensor; to find that out, and to write it all
# anew, AutoGraph took longer than everything else that begins a stream.
_as_it_is = tf.autograph.experimental.do_not_convert


def _decode_held(held: HeldPhotos, views: TrainingViews, draw: _Draw) -> Callable[..., Any]:
    """(offsets, rows) -> (images, labels, photo ids)."""

    def decode(offsets: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, ...]:
        seeds = draw(offsets)
        plan = views.plan(seeds, held.photos.sizes_of(rows))
        return views.decoded(held.photos.jpegs, rows, seeds, plan), *held.named(rows)

    return _as_it_is(decode)


def _read_planned(files: PhotoFiles, views: TrainingViews, draw: _Draw) -> Callable[..., Any]:
    """(offsets, rows) -> (JPEGs, seeds, plan, (labels, photo ids))."""

    def read(offsets: tf.Tensor, rows: tf.Tensor) -> tuple[Any, ...]:
        seeds = draw(offsets)
        plan = views.plan(seeds, files.sizes_of(rows))
        from_copy = tf.zeros(tf.shape(rows), tf.bool) if plan is None else plan.from_copy
        return files.read(rows, from_copy), seeds, plan, files.named(rows)

    return _as_it_is(read)


def _decode_read(views: TrainingViews) -> Callable[..., Any]:
    """(JPEGs, seeds, plan, (labels, photo ids)) -> (images, labels, photo ids)."""

    def decode(
        jpegs: tf.Tensor, seeds: tf.Tensor, plan: ViewPlan | None, named: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, ...]:
        # Read was the one of the two that the plan asks for.
        either = Jpegs(images=jpegs, small=jpegs)
        return views.decoded(either, tf.range(tf.size(jpegs)), seeds, plan), *named

    return _as_it_is(decode)


def _decode_records(views: TrainingViews, draw: _Draw) -> Callable[..., Any]:
    """(offsets, serialized records) -> (images, labels, photo ids)."""

    def decode(offsets: tf.Tensor, serialized: tf.Tensor) -> tuple[tf.Tensor, ...]:
        parsed = tf.io.parse_example(serialized, _TRAINING_FEATURES)
        photos = EncodedPhotos.of(parsed[record.IMAGE], parsed[record.IMAGE_SMALL])
        rows, seeds = tf.range(tf.size(offsets)), draw(offsets)
        images = views.decoded(photos.jpegs, rows, seeds, views.plan(seeds, photos.sizes))
        return images, parsed[record.LABEL], parsed[record.PHOTO_ID]

    return _as_it_is(decode)


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

    @_as_it_is
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
    photos = _in_parallel(dataset, prepare)
    batches = photos.batch(worker_batch // share.replicas, drop_remainder=True)
    return _ready(batches, steps=steps, share=share)
