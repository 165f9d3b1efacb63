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

import google_crc32c

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
        self._zipped.write(b"".join((length, _checksum(length), record, _checksum(record))))

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


def _checksum(data: bytes) -> bytes:
    """CRC-32C, turned and moved, so that a checksum of checksums is none of them."""
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
