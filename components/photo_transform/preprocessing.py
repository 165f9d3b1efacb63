"""What Transform does to a record: the photo upright and small, the taxon as a label.

1. Decode the JPEG at the smallest DCT scale that still covers the stored size.
2. Turn it as its EXIF orientation says.
3. Resize the shorter side to the largest size the schedule trains at, never up.
4. Encode it again, so that training reads small files and still decodes JPEG.
5. Encode a small copy beside it, if one is asked for (see `small_copy`).

The label comes from the Taxonomy artifact: a taxon's line in `leaf_taxa.txt` is its leaf class.
Place, date, licence and observer pass for the evaluation's slices; unknown ones are filled.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.photo_decode import decode_covering, shrink_shorter_side, upright
from components.photo_transform.small_copy import NO_COPY_PX
from schemas import record

NOT_A_LEAF = -1

SMALL_QUALITY = 90
"""Of small copies. Against 92: a tenth fewer bytes, 7 % less to decode, and seen at 100 px 0.03 of
255 further from the photo. Chroma stays whole: halved, it takes longer to decode a crop of, and a
view of the copy differs by 0.8 of 255 more from one of the photo."""

_MAYBE_UNKNOWN: dict[str, float | str] = {
    record.LATITUDE: float("nan"),
    record.LONGITUDE: float("nan"),
    record.OBSERVED_ON: "",
    record.LICENSE: "",
    record.OBSERVER: "",
}
"""Features that a raw record may lack, and what stands for them in a transformed one."""


def preprocessing_fn(
    inputs: dict[str, tf.Tensor], custom_config: dict[str, Any]
) -> dict[str, tf.Tensor]:
    """Maps a batch of raw records to transformed ones (see schemas.record).

    Args:
        inputs: each feature as [B, 1].
        custom_config: `stored_size_px` (largest shorter side kept), `small_size_px` (that of the
            small copy, 0 for none), `jpeg_quality` (1..100) and `leaf_taxa_path` (set by the
            executor, from the Taxonomy artifact).
    """
    outputs = {
        **stored_features(inputs[record.IMAGE], inputs[record.ORIENTATION], custom_config),
        record.LABEL: leaf_classes(inputs[record.TAXON_ID], custom_config["leaf_taxa_path"]),
    }
    for name in (record.PHOTO_ID, record.OBSERVATION_ID, record.TAXON_ID, record.ICONIC_TAXON):
        outputs[name] = inputs[name]
    for name, unknown in _MAYBE_UNKNOWN.items():
        if name in inputs:
            outputs[name] = filled(inputs[name], unknown)
    return outputs


def stored_features(
    photos: tf.Tensor, orientations: tf.Tensor, custom_config: dict[str, Any]
) -> dict[str, tf.Tensor]:
    """Returns `image`, and `image_small` if there is to be one, each string [B, 1].

    Args:
        photos: string [B, 1], as photographed.
        orientations: int64 [B, 1], EXIF's.
        custom_config: see `preprocessing_fn`.
    """
    side_px, small_px = int(custom_config["stored_size_px"]), int(custom_config["small_size_px"])
    stored, small = tf.map_fn(
        lambda args: stored_photo(
            *args, side_px=side_px, small_px=small_px, quality=int(custom_config["jpeg_quality"])
        ),
        (tf.reshape(photos, [-1]), tf.reshape(orientations, [-1])),
        fn_output_signature=(tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.string)),
    )
    features = {record.IMAGE: tf.expand_dims(stored, 1)}
    if small_px != NO_COPY_PX:
        features[record.IMAGE_SMALL] = tf.expand_dims(small, 1)
    return features


def stored_photo(
    jpeg: tf.Tensor, orientation: tf.Tensor, *, side_px: int, small_px: int, quality: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the JPEGs that training reads: string scalars, the photo and its small copy.

    The copy is empty where the photo is no larger than it, or none is asked for.

    Args:
        jpeg: string scalar, as photographed.
        orientation: integer scalar, EXIF's, 1..8.
        side_px: largest shorter side kept.
        small_px: shorter side of the copy, or NO_COPY_PX.
        quality: of the photo's JPEG, 1..100.
    """
    image = shrink_shorter_side(upright(decode_covering(jpeg, side_px), orientation), side_px)
    photo = tf.io.encode_jpeg(image, quality=quality, chroma_downsampling=False)
    if small_px == NO_COPY_PX:
        return photo, tf.constant(b"")
    small = tf.cond(
        tf.reduce_min(tf.shape(image)[:2]) > small_px,
        lambda: tf.io.encode_jpeg(
            shrink_shorter_side(image, small_px), quality=SMALL_QUALITY, chroma_downsampling=False
        ),
        lambda: tf.constant(b""),
    )
    return photo, small


def filled(values: tf.SparseTensor, unknown: float | str) -> tf.Tensor:
    """Returns [B, 1]: a feature of at most one value, with something where it has none."""
    return tf.sparse.to_dense(
        # All rows may lack it, and the tensor be 0 wide.
        tf.SparseTensor(values.indices, values.values, [values.dense_shape[0], 1]),
        default_value=unknown,
    )


def leaf_classes(taxon_ids: tf.Tensor, leaf_taxa_path: str) -> tf.Tensor:
    """Returns int64 leaf classes, same shape as `taxon_ids`.

    A taxon that is no leaf stops the step: ExportExampleGen lets none through, so one here means
    that records and taxonomy do not belong together.
    """
    table = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(
            leaf_taxa_path,
            key_dtype=tf.int64,
            key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
            value_dtype=tf.int64,
            value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        default_value=NOT_A_LEAF,
    )
    classes = table.lookup(taxon_ids)
    with tf.control_dependencies(
        [
            tf.debugging.assert_non_negative(
                classes, message="A photo's taxon_id is not a leaf of the taxonomy."
            )
        ]
    ):
        return tf.identity(classes)
