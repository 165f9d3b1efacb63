"""In which order a run sees its photos: epoch after epoch, each in an order of its own.

The law: photo number e of a run is a function of the data, the seed and the settings only. The data
are the photos' ids where the order is one of rows, and the files where it is one of records.

    places = Places(num_photos=4185, start_examples=8000, global_batch=32, steps=100, share=Share())
    for offsets, rows in rows_in_order(held, places, seed=1): ...        # vectors, an epoch each
    for offset, record in records_in_order(files, places, seed=1, buffer=8192): ...
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import tensorflow as tf

READ_AT_ONCE = 8
"""Files read at a time, and mixed, within an epoch."""


@dataclass(frozen=True)
class Share:
    """The part of every global batch that one worker prepares.

    Attributes:
        worker: 0 for the first.
        workers: number of workers.
        replicas: replicas of this worker; all workers have as many.
    """

    worker: int = 0
    workers: int = 1
    replicas: int = 1


class RowsById(Protocol):
    """A table of photos, as far as their order is concerned."""

    def rows_by_id(self, numbers: tf.Tensor) -> tf.Tensor:
        """Returns the rows, int64 [N], of photos by their place (int64 [N]) among the ids."""


@dataclass(frozen=True)
class Places:
    """Which of the run's photos some batches hold, and of which epochs they are.

    Attributes:
        num_photos: P, photos of an epoch.
        start_examples: photos of the run before these.
        global_batch: photos a step over all replicas.
        steps: number of global batches.
        share: which part of each.
    """

    num_photos: int
    start_examples: int
    global_batch: int
    steps: int
    share: Share

    @property
    def epochs(self) -> tf.data.Dataset:
        """The numbers of the epochs, int64."""
        last = (self.start_examples + self.steps * self.global_batch - 1) // self.num_photos
        return tf.data.Dataset.range(self.start_examples // self.num_photos, last + 1)

    def hold(self, offsets: tf.Tensor) -> tf.Tensor:
        """Whether photos, so many after the first, are this worker's; bool of int64."""
        worker_batch = self.global_batch // self.share.workers
        mine = (offsets % self.global_batch) // worker_batch == self.share.worker
        return (offsets >= 0) & (offsets < self.steps * self.global_batch) & mine


def rows_in_order(photos: RowsById, places: Places, seed: int) -> tf.data.Dataset:
    """Returns (offsets after the first photo, rows of the photos), an epoch at a time."""
    count = places.num_photos

    @tf.autograph.experimental.do_not_convert
    def rows_of(epoch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        offsets = epoch * count - places.start_examples + tf.range(count, dtype=tf.int64)
        rows = photos.rows_by_id(_shuffled_numbers(count, epoch, seed))
        wanted = places.hold(offsets)
        return tf.boolean_mask(offsets, wanted), tf.boolean_mask(rows, wanted)

    return places.epochs.map(rows_of)


def records_in_order(files: list[str], places: Places, seed: int, buffer: int) -> tf.data.Dataset:
    """Returns (offset after the first photo, serialized record), one by one."""
    first_epoch, skipped = divmod(places.start_examples, places.num_photos)

    @tf.autograph.experimental.do_not_convert
    def records_of(epoch: tf.Tensor) -> tf.data.Dataset:
        records = _shuffled_records(files, epoch, seed, buffer)
        return records.skip(tf.where(epoch == first_epoch, tf.cast(skipped, tf.int64), 0))

    records = places.epochs.flat_map(records_of).enumerate()
    records = records.take(places.steps * places.global_batch)
    if places.share.workers == 1:
        return records
    return records.filter(lambda offset, _: places.hold(offset))


def _shuffled_numbers(num_photos: int, epoch: tf.Tensor, seed: int) -> tf.Tensor:
    """The numbers 0..P-1, int64 [P], in an order of the seed and the epoch only."""
    epoch_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
    numbers = tf.range(num_photos, dtype=tf.int64)
    return tf.random.experimental.stateless_shuffle(numbers, seed=epoch_seed)


def _shuffled_records(
    files: list[str], epoch: tf.Tensor, seed: int, buffer: int
) -> tf.data.Dataset:
    """All records once, in an order that depends on nothing but the files, the seed, the epoch."""
    epoch_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
    order = tf.random.experimental.stateless_shuffle(tf.constant(files), seed=epoch_seed)
    records = tf.data.Dataset.from_tensor_slices(order).interleave(
        lambda file: tf.data.TFRecordDataset(file, compression_type="GZIP"),
        cycle_length=READ_AT_ONCE,
        num_parallel_calls=READ_AT_ONCE,
        deterministic=True,
    )
    shuffle_seed = tf.random.stateless_uniform(
        [], seed=epoch_seed, maxval=tf.int64.max, dtype=tf.int64
    )
    return records.shuffle(buffer, seed=shuffle_seed, reshuffle_each_iteration=False)
