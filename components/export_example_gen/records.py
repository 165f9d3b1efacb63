"""One photo of an export as a `tf.train.Example` and a line of the index, or the reason why not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from components.export_example_gen.example_bytes import example_bytes
from components.export_example_gen.photo_bytes import PhotoBytes, UnusablePhoto, check_photo
from components.export_example_gen.placeholder import NO_PROBE, probe_key
from components.export_example_gen.row_batches import Found, Located
from schemas import record
from schemas.errors import DataError
from schemas.photo_index import IndexRow
from schemas.photo_row import PhotoRow
from schemas.photo_store import PhotoStore
from schemas.spatial_row import SpatialRow
from schemas.taxonomy import Taxonomy

_BYTES_PER_PIXEL = 8
"""Of the largest picture that is not compressed: four channels of 16 bits."""

_BYTES_BESIDE_PIXELS = 16_000_000
"""Room for EXIF blocks, previews, colour profiles and second pictures."""

_MISSING = Found(None, NO_PROBE)


class Loaded(NamedTuple):
    """A photo that can be trained on.

    Attributes:
        example: serialized `tf.train.Example` (see schemas.record).
        entry: its line of the photo index.
    """

    example: bytes
    entry: IndexRow


class Loader:
    """Turns rows into records.

    Args:
        store: where the photos lie.
        taxonomy: the export's.
        max_pixels: largest photo accepted, width x height.
    """

    def __init__(self, store: PhotoStore, taxonomy: Taxonomy, *, max_pixels: int) -> None:
        self._store, self._taxonomy, self._max_pixels = store, taxonomy, max_pixels
        self._root = os.fspath(store.directory) + os.sep
        self._iconic: dict[int, bytes] = {}

    def find(self, row: PhotoRow) -> Found | None:
        """Returns where a row's photo lies, and its probe key.

        None where the disk forbids looking: `load` looks again, and says why.
        """
        try:
            path = self._store.find(*row.key)
        except DataError:
            return None
        return _MISSING if path is None else Found(str(path), probe_key(str(path)))

    def load(self, located: Located) -> Loaded:
        """Returns the record of a row.

        Raises:
            UnusablePhoto: if the photo is missing or cannot be read.
        """
        row = located.placed.row
        path = self._path(located)
        data = _read(path, max_bytes=_BYTES_PER_PIXEL * self._max_pixels + _BYTES_BESIDE_PIXELS)
        photo = check_photo(data, max_pixels=self._max_pixels)
        features = self._features(row, photo, located.spatial)
        return Loaded(
            example_bytes(features),
            _index_row(row, path.removeprefix(self._root), data, photo),
        )

    def _path(self, located: Located) -> str:
        found = located.found
        if found is not None and found.path is not None:
            return found.path
        try:
            path = None if found == _MISSING else self._store.find(*located.placed.row.key)
        except DataError as error:
            raise UnusablePhoto(str(error)) from error
        if path is None:
            raise UnusablePhoto("no file on disk; `fieldmark fetch-photos` fetches it")
        return str(path)

    def _features(
        self, row: PhotoRow, photo: PhotoBytes, spatial: SpatialRow | None
    ) -> dict[str, bytes | int | float]:
        features: dict[str, bytes | int | float] = {
            record.IMAGE: photo.jpeg,
            record.ORIENTATION: photo.orientation,
            record.PHOTO_ID: row.photo_id,
            record.OBSERVATION_ID: _observation_id(row),
            record.TAXON_ID: row.taxon_id,
            record.OBS_TAXON_ID: row.obs_taxon_id or row.taxon_id,
            record.COMMUNITY: int(row.community is not False),
            record.ICONIC_TAXON: self._iconic_taxon(row.taxon_id),
        }
        texts = {
            record.OBSERVED_ON: spatial.observed_on if spatial is not None else None,
            record.LICENSE: row.license,
            record.RIGHTS_HOLDER: row.rights_holder,
            record.OBSERVER: row.observer,
        }
        features |= {name: text.encode() for name, text in texts.items() if text}
        if spatial is not None:
            features[record.LATITUDE] = spatial.latitude
            features[record.LONGITUDE] = spatial.longitude
        return features

    def _iconic_taxon(self, taxon_id: int) -> bytes:
        name = self._iconic.get(taxon_id)
        if name is None:
            node = self._taxonomy.node_of_taxon[taxon_id]
            iconic = self._taxonomy.iconic_name(int(self._taxonomy.iconic_taxon_ids[node]))
            name = self._iconic[taxon_id] = (iconic or record.NO_ICONIC_TAXON).encode()
        return name


def _read(path: str, *, max_bytes: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > max_bytes:
                raise UnusablePhoto(f"{size:,} bytes are more than any photo allowed has")
            return file.read()
    except OSError as error:
        raise UnusablePhoto(f"cannot be read: {error.strerror}") from error


def _index_row(row: PhotoRow, path: str, data: bytes, photo: PhotoBytes) -> IndexRow:
    return IndexRow(
        photo_id=row.photo_id,
        observation_id=_observation_id(row),
        observation_uuid=row.observation_uuid,
        taxon_id=row.taxon_id,
        row_number=row.row_number,
        path=path,
        photo_url=row.photo_url,
        sha256=hashlib.sha256(data).hexdigest(),
        phash=photo.phash,
        license=row.license,
        rights_holder=row.rights_holder,
        observer=row.observer,
    )


def _observation_id(row: PhotoRow) -> int:
    # Exports of 2018-2021 know no observations: each photo stands for one of its own.
    return row.observation_id or row.photo_id
