"""Transformed records, streamed in batches, as the network takes them.

for pixels, labels in labelled_photos(files, size_px=299, batch_size=32, max_photos=None):
    ...  # float32 [B, S, S, 3] of 0..255, int64 [B]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas import record
from schemas.errors import DataError
from serving.preprocess import prepare_batch

_FEATURES = {
    record.IMAGE: tf.io.FixedLenFeature([], tf.string),
    record.LABEL: tf.io.FixedLenFeature([], tf.int64),
}


def labelled_photos(
    files: Sequence[str], *, size_px: int, batch_size: int, max_photos: int | None
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
    """Yields (pixels float32 [B, S, S, 3], labels int64 [B]); the last batch may be smaller.

    Args:
        files: gzipped TFRecords of transformed records; read one after the other, a batch in
            memory at a time.
        size_px: S.
        batch_size: B.
        max_photos: how many to yield in all; None for all. Records come in the order of the
            files, which ExampleGen has shuffled.

    Raises:
        DataError: naming the files, if a record cannot be read or is no transformed photo.
    """
    records = tf.data.TFRecordDataset(list(files), compression_type="GZIP")
    if max_photos is not None:
        records = records.take(max_photos)

    def read(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = tf.io.parse_example(serialized, _FEATURES)
        return prepare_batch(features[record.IMAGE], size_px), features[record.LABEL]

    batches = records.batch(batch_size).map(read).prefetch(1)
    try:
        yield from batches.as_numpy_iterator()
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise DataError(
            ", ".join(files),
            problem=f"a record is no transformed photo: {error.message.strip().splitlines()[0]}",
            remedy="Run Transform again.",
        ) from error
