"""All encoded photos of a split in memory: read once, then taken in any order.

A shuffle buffer that has room for the whole split holds all its photos anyway, and reads them
again every epoch. Held as a table, the same memory saves the reading, the parsing and the handing
over of whole records between threads, and an epoch's order is a shuffle of row numbers.

    held = HeldPhotos.read(["data-00000.gz", "data-00001.gz"], features, num_photos=8000)
    plan = plan_views(seeds, held.photos.sizes_of(rows), image_size_px=128, augment=0.5)
    labels, photo_ids = held.named(rows)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from components.progressive_trainer.photo_view import EncodedPhotos
from components.progressive_trainer.view_plan import PhotoSizes
from schemas import record


@dataclass(frozen=True)
class HeldPhotos:
    """The rows are in the order of the files and, within them, of the records.

    Attributes:
        photos: P photos.
        labels: int64 [P].
        photo_ids: int64 [P].
        by_id: int64 [P], the rows by rising photo id. What is drawn of these is the same photos
            however the records came to lie in the files, where Beam's workers may have been faster
            or slower.
    """

    photos: EncodedPhotos
    labels: np.ndarray
    photo_ids: np.ndarray
    by_id: np.ndarray

    @classmethod
    def read(
        cls, files: Sequence[str], features: Mapping[str, Any], *, num_photos: int
    ) -> HeldPhotos:
        """Reads all the files.

        Args:
            files: TFRecord files (gzip) of transformed records.
            features: how a record is parsed: photo, label, photo id and small copy.
            num_photos: P, records in all the files together.
        """
        records = tf.data.TFRecordDataset(list(files), compression_type="GZIP")
        parsed = records.map(lambda one: tf.io.parse_single_example(one, features))
        table = parsed.batch(num_photos).get_single_element()
        photo_ids = table[record.PHOTO_ID].numpy()
        measured = tf.function(EncodedPhotos.of, autograph=False)(
            table[record.IMAGE], table[record.IMAGE_SMALL]
        )
        return cls(
            # Numbers go into the graph as constants; as tensors a strategy might put them on a GPU.
            photos=measured._replace(sizes=PhotoSizes(*(of.numpy() for of in measured.sizes))),
            labels=table[record.LABEL].numpy(),
            photo_ids=photo_ids,
            by_id=np.argsort(photo_ids, kind="stable").astype(np.int64),
        )

    def rows_by_id(self, numbers: tf.Tensor) -> tf.Tensor:
        """Returns the rows, int64 [N], of photos by their place (int64 [N]) among the ids."""
        return tf.gather(self.by_id, numbers)

    def named(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns labels and photo ids, int64 [B] each, of integer [B] rows."""
        return tf.gather(self.labels, rows), tf.gather(self.photo_ids, rows)
