"""Which of many files of records is damaged: TensorFlow says that one is, and not which.

with damage_named(files):
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP"):
        ...
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import tensorflow as tf

from components.stored_records import WRITE_ANEW
from schemas.errors import FieldmarkError


@contextmanager
def damage_named(files: Sequence[str]) -> Iterator[None]:
    """Looks through the files when one of them could not be read to its end.

    Args:
        files: TFRecord files (gzip) that are read within.

    Raises:
        FieldmarkError: naming the first file that is damaged.
    """
    try:
        yield
    except tf.errors.DataLossError as error:
        logging.warning("looking through %d files for the one that is damaged", len(files))
        for file in sorted(files):
            reason = _damage(file)
            if reason is not None:
                raise FieldmarkError(
                    f"{file} is damaged, or was cut off (TensorFlow: {reason}). {WRITE_ANEW}"
                ) from error
        raise


def _damage(file: str) -> str | None:
    records = tf.data.TFRecordDataset(file, compression_type="GZIP")
    try:
        records.reduce(tf.constant(0), lambda number, _: number).numpy()
    except tf.errors.DataLossError as error:
        return str(error.message).strip().splitlines()[0]
    return None
