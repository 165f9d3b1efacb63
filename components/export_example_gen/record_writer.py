"""A TFRecord file, gzipped, written without TensorFlow.

Laws: TensorFlow reads back what was given; equal records give equal bytes. TensorFlow takes seconds
to import, and each worker process of Beam would pay them.

    with RecordWriter(path) as writer:
        writer.write(example_bytes(features))

The format: tensorflow.org/tutorials/load_data/tfrecord.
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from types import TracebackType

from components.tfrecord_checksum import tfrecord_checksum

_BUFFER_BYTES = 2**20


class RecordWriter:
    """Writes records one after another.

    Args:
        path: the file, which is made.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=_BUFFER_BYTES)
        # Photos are compressed already; level 0 only wraps them.
        self._zipped = gzip.GzipFile("", "wb", compresslevel=0, fileobj=self._file, mtime=0)

    def write(self, record: bytes) -> None:
        """Appends a record: its length, the record, and a checksum of either."""
        length = struct.pack("<Q", len(record))
        self._zipped.write(
            b"".join((length, tfrecord_checksum(length), record, tfrecord_checksum(record)))
        )

    def close(self) -> None:
        """Finishes the file."""
        self._zipped.close()
        self._file.close()

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
