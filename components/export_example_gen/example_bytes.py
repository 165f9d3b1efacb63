"""One record as the bytes of a `tf.train.Example`, made without TensorFlow.

Laws: TensorFlow reads back what was given; equal features give equal bytes, in whatever order.
TensorFlow takes seconds to import, and each worker process of Beam would pay them.

    example_bytes({"image": jpeg, "photo_id": 123, "latitude": 52.1})

The format: tensorflow/core/example/feature.proto, protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

# Fields of the messages are numbered; a field's tag is 8 * number + 2 for what has a length.
_FIRST, _SECOND, _THIRD = b"\x0a", b"\x12", b"\x1a"
_KIND = {bytes: _FIRST, float: _SECOND, int: _THIRD}  # of the list within a Feature


def example_bytes(features: Mapping[str, bytes | int | float]) -> bytes:
    """Returns a serialized `tf.train.Example` in which each feature has one value.

    Args:
        features: bytes, int (int64) or float (float32) by name.
    """
    entries = [_entry(name.encode(), features[name]) for name in sorted(features)]
    return _field(_FIRST, *entries)


def _entry(name: bytes, value: bytes | int | float) -> bytes:
    """One entry of the map from name to Feature."""
    values = _field(_FIRST, _value(value))
    return _field(_FIRST, _field(_FIRST, name), _field(_SECOND, _field(_KIND[type(value)], values)))


def _value(value: bytes | int | float) -> bytes:
    if isinstance(value, bytes):
        return value
    return _varint(value % 2**64) if isinstance(value, int) else struct.pack("<f", value)


def _field(tag: bytes, *parts: bytes) -> bytes:
    return b"".join((tag, _varint(sum(map(len, parts))), *parts))


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
