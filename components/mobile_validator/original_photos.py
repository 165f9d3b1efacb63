"""Photos as they were taken, before Transform made them upright and small: what clients start from.

for photo in original_photos(files, taxonomy, max_photos=200):
    photo.picture(upright=True), photo.label     # RGB, leaf class
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import tensorflow as tf
from PIL import Image

from components.export_example_gen.photo_bytes import upright as turned_upright
from schemas import record
from schemas.errors import DataError
from schemas.taxonomy import Taxonomy

_FEATURES = {
    record.IMAGE: tf.io.FixedLenFeature([], tf.string),
    record.TAXON_ID: tf.io.FixedLenFeature([], tf.int64),
    record.ORIENTATION: tf.io.FixedLenFeature([], tf.int64),
}


@dataclass(frozen=True)
class OriginalPhoto:
    """A photo of an export.

    Attributes:
        encoded: its bytes.
        orientation: EXIF's, 1..8.
        label: leaf class.
    """

    encoded: bytes
    orientation: int
    label: int

    def picture(self, *, upright: bool) -> Image.Image:
        """Returns the photo decoded, mode RGB.

        Args:
            upright: turned as EXIF says, or as the bytes have it.
        """
        image = Image.open(io.BytesIO(self.encoded)).convert("RGB")
        return turned_upright(image, self.orientation) if upright else image


def original_photos(
    files: Sequence[str], taxonomy: Taxonomy, *, max_photos: int
) -> Iterator[OriginalPhoto]:
    """Yields the first photos of a split; those of taxa that the model does not have are left out.

    Args:
        files: gzipped TFRecords of raw records.
        taxonomy: of the model.
        max_photos: how many records to read.

    Raises:
        DataError: naming the files, if a record is no photo of an export.
    """
    records = tf.data.TFRecordDataset(list(files), compression_type="GZIP").take(max_photos)
    photos = records.map(lambda serialized: tf.io.parse_single_example(serialized, _FEATURES))
    try:
        for features in photos:
            label = taxonomy.leaf_of_taxon.get(int(features[record.TAXON_ID]))
            if label is not None:
                orientation = int(features[record.ORIENTATION])
                yield OriginalPhoto(features[record.IMAGE].numpy(), orientation, label)
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise DataError(
            ", ".join(files),
            problem=f"a record is no photo: {error.message.strip().splitlines()[0]}",
            remedy="Run ExportExampleGen again.",
        ) from error
