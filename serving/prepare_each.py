"""Encoded photos made ready in the graph, each on its own: a bad one is a reason, not an exception.

`prepare_batch` fails as a whole when one photo of it cannot be decoded; a server that puts the
photos of several people into one batch needs the others to be answered.

Law: row i of the pixels depends on photo i alone, and is all zero where `error` names a reason.

    pixels, error = prepare_each(tf.constant([jpeg_bytes, b"<html>"]), 299)
    # float32 [2, 299, 299, 3], string [2]: "", "is no JPEG, PNG, GIF or WebP photo"

TensorFlow has no operator that catches what another raises, but its datasets drop elements that
fail: a photo is a dataset of one, its stand-in comes after it, and the first of the two is taken.
All of it are operators of the graph, so TF Serving runs it, too.
"""

from __future__ import annotations

import tensorflow as tf

from serving.photo_kinds import refusal
from serving.preprocess import decode_photo, square

NOT_WHOLE = "cannot be decoded to its end"


def prepare_each(encoded: tf.Tensor, size_px: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns float32 [B, S, S, 3], 0..255, and string [B], the reason why a row is all zero or "".

    Args:
        encoded: string [B], the bytes of upright photos; see `serving.preprocess.decode_photo`.
        size_px: S.
    """
    pixels, decoded = tf.map_fn(
        lambda photo: _prepare(photo, size_px),
        encoded,
        fn_output_signature=(
            tf.TensorSpec([size_px, size_px, 3], tf.float32),
            tf.TensorSpec([], tf.bool),
        ),
    )
    refused = refusal(encoded)
    reason = tf.where(refused == "", NOT_WHOLE, refused)
    return pixels, tf.where(decoded, "", reason)


def _prepare(photo: tf.Tensor, size_px: int) -> tuple[tf.Tensor, tf.Tensor]:
    """float32 [S, S, 3], and bool []: whether it is the photo's."""
    stand_in = tf.zeros([size_px, size_px, 3]), tf.constant(False)
    whole = tf.data.Dataset.from_tensors(photo).map(
        lambda encoded: (square(decode_photo(encoded), size_px), tf.constant(True))
    )
    first = whole.ignore_errors().concatenate(tf.data.Dataset.from_tensors(stand_in)).take(1)
    pixels, decoded = first.get_single_element()
    return pixels, decoded
