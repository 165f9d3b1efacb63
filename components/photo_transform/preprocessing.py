"""What Transform does to a record: the photo upright and small, the taxon as a label.

1. Decode the JPEG at the smallest DCT scale that still covers the stored size.
2. Turn it as its EXIF orientation says.
3. Resize the shorter side to the largest size the schedule trains at, never up.
4. Encode it again, so that training reads small files and still decodes JPEG.

The label comes from the Taxonomy artifact: a taxon's line in `leaf_taxa.txt` is its leaf class.
Place, date, licence and observer pass for the evaluation's slices; unknown ones are filled.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from components.photo_decode import decode_covering, shrink_shorter_side, upright
from schemas import record

NOT_A_LEAF = -1

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
        custom_config: `stored_size_px` (largest shorter side kept), `jpeg_quality` (1..100) and
            `leaf_taxa_path` (set by the executor, from the Taxonomy artifact).
    """
    side_px = int(custom_config["stored_size_px"])
    quality = int(custom_config["jpeg_quality"])

    photos = tf.map_fn(
        lambda args: stored_photo(*args, side_px=side_px, quality=quality),
        (tf.reshape(inputs[record.IMAGE], [-1]), tf.reshape(inputs[record.ORIENTATION], [-1])),
        fn_output_signature=tf.TensorSpec([], tf.string),
    )
    outputs = {
        record.IMAGE: tf.expand_dims(photos, 1),
        record.LABEL: leaf_classes(inputs[record.TAXON_ID], custom_config["leaf_taxa_path"]),
    }
    for name in (record.PHOTO_ID, record.OBSERVATION_ID, record.TAXON_ID, record.ICONIC_TAXON):
        outputs[name] = inputs[name]
    for name, unknown in _MAYBE_UNKNOWN.items():
        if name in inputs:
            outputs[name] = filled(inputs[name], unknown)
    return outputs


def stored_photo(
    jpeg: tf.Tensor, orientation: tf.Tensor, *, side_px: int, quality: int
) -> tf.Tensor:
    """Returns the JPEG that training reads: string scalar.

    Args:
        jpeg: string scalar, as photographed.
        orientation: integer scalar, EXIF's, 1..8.
        side_px: largest shorter side kept.
        quality: of the JPEG, 1..100.
    """
    image = upright(decode_covering(jpeg, side_px), orientation)
    return tf.io.encode_jpeg(
        shrink_shorter_side(image, side_px), quality=quality, chroma_downsampling=False
    )


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
