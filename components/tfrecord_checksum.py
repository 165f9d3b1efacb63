"""The checksum that a TFRecord file keeps of each length and of each record.

The format: tensorflow.org/tutorials/load_data/tfrecord.
"""

from __future__ import annotations

import google_crc32c

CHECKSUM_BYTES = 4


def tfrecord_checksum(data: bytes) -> bytes:
    """CRC-32C, turned and moved, so that a checksum of checksums is none of them; little-endian."""
    crc = google_crc32c.value(data)
    moved = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return moved.to_bytes(CHECKSUM_BYTES, "little")
