"""One photo of an export as a `tf.train.Example`, or the reason why not."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from components.export_example_gen.photo_bytes import PhotoBytes, UnusablePhoto, check_photo
from components.export_example_gen.splits import Placed
from schemas import record
from schemas.photo_row import PhotoRow
from schemas.photo_store import PhotoStore
from schemas.spatial_row import SpatialRow
from schemas.taxonomy import Taxonomy


class Located(NamedTuple):
    """A row, its split, and its place and date where the export knows them."""

    placed: Placed
    spatial: SpatialRow | None


class Loader:
    """Turns rows into serialized records.

    Args:
        store: where the photos lie.
        taxonomy: the export's.
        max_pixels: largest photo accepted, width x height.
    """

    def __init__(self, store: PhotoStore, taxonomy: Taxonomy, *, max_pixels: int) -> None:
        self._store, self._taxonomy, self._max_pixels = store, taxonomy, max_pixels

    def load(self, located: Located) -> bytes:
        """Returns the serialized `tf.train.Example` of a row (see schemas.record).

        Raises:
            UnusablePhoto: if the photo is missing or cannot be read.
        """
        row = located.placed.row
        path = self._store.find(row.photo_id, row.extension, row.filename)
        if path is None:
            raise UnusablePhoto("no file on disk; `fieldmark fetch-photos` fetches it")
        photo = check_photo(path.read_bytes(), max_pixels=self._max_pixels)
        features = self._features(row, photo, located.spatial)
        return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(
            deterministic=True
        )

    def _features(
        self, row: PhotoRow, photo: PhotoBytes, spatial: SpatialRow | None
    ) -> dict[str, tf.train.Feature]:
        node = self._taxonomy.node_of_taxon[row.taxon_id]
        iconic = self._taxonomy.iconic_name(int(self._taxonomy.iconic_taxon_ids[node]))
        features = {
            record.IMAGE: _bytes(photo.jpeg),
            record.ORIENTATION: _int(photo.orientation),
            record.PHOTO_ID: _int(row.photo_id),
            # Exports of 2018-2021 know no observations: each photo stands for one of its own.
            record.OBSERVATION_ID: _int(row.observation_id or row.photo_id),
            record.TAXON_ID: _int(row.taxon_id),
            record.OBS_TAXON_ID: _int(row.obs_taxon_id or row.taxon_id),
            record.COMMUNITY: _int(int(row.community is not False)),
            record.ICONIC_TAXON: _bytes((iconic or record.NO_ICONIC_TAXON).encode()),
        }
        if spatial is not None:
            features[record.LATITUDE] = _float(spatial.latitude)
            features[record.LONGITUDE] = _float(spatial.longitude)
            if spatial.observed_on is not None:
                features[record.OBSERVED_ON] = _bytes(spatial.observed_on.encode())
        return features


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _int(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def _float(value: float) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
