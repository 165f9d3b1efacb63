"""Which bytes the graph hands to TensorFlow's decoders, told by how they begin.

TensorFlow's `decode_image` takes more than is announced here, and not all of it is safe. What is
known to be well is handed on, and nothing else, be it a format that a later version adds.

* Of an animated WebP without transparency TensorFlow 2.21 writes four channels into the memory of
  three: the process dies, with whatever else it serves. `channels` cannot be asked for, for a still
  WebP with transparency is decoded to four only. So no animated WebP is decoded.
* Of a BMP with a palette it takes the palette's numbers for grey.

    refusal(tf.constant([jpeg_bytes, b"<html>"]))   # string [2]: "", NO_PHOTO

Source: tensorflow/core/kernels/image/decode_image_op.cc; the WebP container specification.
"""

from __future__ import annotations

import tensorflow as tf

NO_BYTES = "is empty"
NO_PHOTO = "is no JPEG, PNG, GIF or WebP photo"
ANIMATED_WEBP = "is an animated WebP"

_FIRST_BYTES = (b"\xff\xd8", b"\x89PNG", b"GIF8")
"""How JPEG, PNG and GIF begin."""

_HEAD_BYTES = 21
"""Up to the flags of a WebP: RIFF, its size, WEBP, VP8X, its size, flags."""

_ANIMATION_FLAG = 0x02
_ANIMATED = [bytes([flags]) for flags in range(256) if flags & _ANIMATION_FLAG]


def refusal(encoded: tf.Tensor) -> tf.Tensor:
    """Returns string [...]: why bytes must not be decoded, or "" where they may be.

    Args:
        encoded: string [...], what may be photos.
    """
    head = tf.strings.join([tf.strings.substr(encoded, 0, _HEAD_BYTES), b"\0" * _HEAD_BYTES])
    is_webp = _at(head, 0, b"RIFF") & _at(head, 8, b"WEBP")
    known = is_webp
    for first_bytes in _FIRST_BYTES:
        known |= _at(head, 0, first_bytes)
    flags = tf.strings.substr(head, _HEAD_BYTES - 1, 1)
    animated = is_webp & _at(head, 12, b"VP8X") & tf.reduce_any(flags[..., None] == _ANIMATED, -1)
    reason = tf.where(animated, ANIMATED_WEBP, tf.where(known, "", NO_PHOTO))
    return tf.where(tf.strings.length(encoded) == 0, NO_BYTES, reason)


def _at(head: tf.Tensor, place: int, content: bytes) -> tf.Tensor:
    return tf.strings.substr(head, place, len(content)) == content
