"""What happens to a photo before the network: one definition for evaluator, server and phone.

An upright photo is cut to its centre square, the side being the full shorter side, and resized to
S x S with antialiased bilinear filtering; the network takes float32 RGB, 0..255, and scales it
itself. `preprocess_spec.OURS` is the same as a value, which manifests carry. Here it is a
TensorFlow graph; `prepare_file` is the same for a file, without TensorFlow, and a test holds them
together.

**EXIF.** TensorFlow decodes pixels and never sees EXIF. The photos that Transform writes are
upright already; a client that sends bytes as a camera wrote them must turn them first, or use
`prepare_file`, which does.

    pixels = prepare_batch(tf.constant([jpeg_bytes]), 299)  # float32 [1, 299, 299, 3]
"""

from __future__ import annotations

import tensorflow as tf

from serving.photo_kinds import refusal
from serving.prepare_file import prepare_file

__all__ = ["PREPROCESSING_TEXT", "decode_photo", "prepare_batch", "prepare_file", "square"]

PREPROCESSING_TEXT = (
    "Turn the photo upright (EXIF orientation); cut the centre square, its side the photo's full "
    "shorter side; resize to the input size with bilinear filtering and antialiasing; pass RGB "
    "as float32 0..255, not scaled: the model scales inside."
)
"""The same in words, for manifests."""


def decode_photo(encoded: tf.Tensor) -> tf.Tensor:
    """Returns uint8 [H, W, 3], RGB; of an animation, the first picture.

    Args:
        encoded: string [], the bytes of a JPEG (RGB or greyscale), PNG, GIF or WebP that is not
            animated (and which TensorFlow before 2.20 does not know). Of a WebP with transparency
            its colours count.

    Raises:
        tf.errors.InvalidArgumentError: when run, if the bytes are no such photo.
    """
    reason = refusal(encoded)
    with tf.control_dependencies([tf.debugging.Assert(reason == "", [reason])]):
        # Memory is at stake, and an optimiser may strip what only asserts (grappler's
        # debug_stripper does): so the bytes themselves do not get through.
        encoded = tf.where(reason == "", encoded, "")
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        # TensorFlow's default transform is a faster, coarser one than other decoders use; its
        # pixels differ from theirs by up to 8 of 255. The accurate one agrees to the last bit.
        lambda: tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.cond(
            # TensorFlow turns no WebP with transparency to RGB: asked for 3 channels, it fails.
            tf.strings.substr(encoded, 0, 4) == b"RIFF",
            lambda: tf.io.decode_image(encoded, channels=0, expand_animations=False)[..., :3],
            lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False),
        ),
    )
    return tf.ensure_shape(image, [None, None, 3])


def square(image: tf.Tensor, size_px: int) -> tf.Tensor:
    """Returns float32 [S, S, 3], 0..255: the centre square of a photo, resized.

    Args:
        image: uint8 or float32 [H, W, 3], 0..255.
        size_px: S.
    """
    shape = tf.shape(image)
    side = tf.minimum(shape[0], shape[1])
    top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
    cut = image[top : top + side, left : left + side, :]
    resized = tf.cond(
        side == size_px,
        # What the filter would give to the last bit, for a twentieth of the time.
        lambda: tf.cast(cut, tf.float32),
        lambda: tf.image.resize(cut, [size_px, size_px], method="bilinear", antialias=True),
    )
    return tf.ensure_shape(resized, [size_px, size_px, 3])


def prepare_batch(encoded: tf.Tensor, size_px: int) -> tf.Tensor:
    """Returns float32 [B, S, S, 3], 0..255: encoded photos as the network takes them.

    Args:
        encoded: string [B], the bytes of upright photos; see `decode_photo`.
        size_px: S.
    """
    return tf.map_fn(
        lambda photo: square(decode_photo(photo), size_px),
        encoded,
        fn_output_signature=tf.TensorSpec([size_px, size_px, 3], tf.float32),
    )
