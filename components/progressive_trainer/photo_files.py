"""The photos of a split that is too large to be held: each is read where it lies in its file.

Held is only where each photo lies and what it is, 72 bytes. So an epoch's order is drawn from
all orders, a run that is started again reads nothing but the photos that it goes on with, of
several machines each reads its own, and where its small copy is enough for a view, a photo itself
is never read.

    photos = PhotoFiles.of(["data-00000.gz", "data-00001.gz"])
    photos.count_labels()                       # int64 [largest label + 1]
    plan = plan_views(seeds, photos.sizes_of(rows), image_size_px=128, augment=0.5)
    jpegs = photos.read(rows, plan.from_copy)
    labels, photo_ids = photos.named(rows)
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from components.progressive_trainer.photo_view import NO_COPY
from components.progressive_trainer.view_plan import PhotoSizes
from components.stored_records import WRITE_ANEW, FileState, Place, StoredFile, StoredReader
from schemas import record
from schemas.errors import FieldmarkError
from schemas.events import Meter

UNKNOWN_ID = 0
"""Stands for the photo id of a record that has none."""

_LABELS = 2**31
_MB = 1_000_000
_NO_SIZE = (0, 0)
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_COMPARED_FIRST = 48
_COLUMNS = ("file_number", "begin", "reach", "size", "label", "photo_id", "by_id")


@dataclass(frozen=True)
class PhotoFiles:
    """The rows are in the order of the files and, within them, of the records.

    The columns are tensors of the host that graphs look up in without holding them: a graph holds
    two gigabytes at most.

    Attributes:
        paths: of the files.
        states: of the files when they were looked at.
        file_number: int32 [P], which of the files each photo is in.
        begin: int64 [P, 2], `Place.begin` of the photo and of its small copy.
        reach: int32 [P, 2, 2], `Place.span` and `Place.first_header` of the two.
        size: int32 [P, 2, 2], (height, width) in pixels of the two; (0, 0) of a small copy that is
            not there.
        label: int32 [P].
        photo_id: int64 [P].
        by_id: int64 [P], the rows by rising photo id. What is drawn of these is the same photos
            however the records came to lie in the files.
        failures: what went wrong in reading, of which TensorFlow only hands on the words.
    """

    paths: Sequence[str]
    states: Sequence[FileState]
    file_number: tf.Tensor
    begin: tf.Tensor
    reach: tf.Tensor
    size: tf.Tensor
    label: tf.Tensor
    photo_id: tf.Tensor
    by_id: tf.Tensor
    failures: list[FieldmarkError] = field(default_factory=list)

    @classmethod
    def of(cls, paths: Sequence[str]) -> PhotoFiles:
        """Looks at each record once, and at its checksums.

        Args:
            paths: TFRecord files (gzip, stored) of transformed records.

        Raises:
            NotStored: if a file was deflated.
            FieldmarkError: if a file is cut off or damaged, or has a record that is none of a
                photo.
        """
        files = [StoredFile(path) for path in paths]
        columns = {name: array("q" if name in ("begin", "photo_id") else "i") for name in _COLUMNS}
        total_bytes = sum(file.content_bytes for file in files)
        meter = Meter("MB of training photos looked through", total=total_bytes // _MB, unit="MB")
        bytes_before = 0
        for number, file in enumerate(files):
            for start, data in file.records():
                try:
                    _add(columns, file, start, data)
                except (ValueError, IndexError) as error:
                    raise FieldmarkError(
                        f"{file.path}: the record at byte {start:,} of its content is not that of "
                        f"a photo with a label ({error}). {WRITE_ANEW}"
                    ) from error
                columns["file_number"].append(number)
                meter.add((bytes_before + start + len(data)) // _MB - meter.done)
            bytes_before += file.content_bytes
            meter.add(bytes_before // _MB - meter.done)
        meter.close()
        arrays = {name: np.asarray(column) for name, column in columns.items()}
        arrays["by_id"] = np.argsort(arrays["photo_id"], kind="stable").astype(np.int64)
        return cls._with(paths, [file.state for file in files], arrays)

    @classmethod
    def _with(
        cls, paths: Sequence[str], states: Sequence[FileState], arrays: dict[str, np.ndarray]
    ) -> PhotoFiles:
        shapes = {"begin": (-1, 2), "reach": (-1, 2, 2), "size": (-1, 2, 2)}
        with tf.device("CPU:0"):
            columns = {
                name: tf.constant(arrays[name].reshape(shapes.get(name, -1))) for name in _COLUMNS
            }
        return cls(paths=list(paths), states=list(states), **columns)

    @classmethod
    def remembered(cls, paths: Sequence[str], file: Path) -> PhotoFiles | None:
        """Returns what `remember` wrote of these very files, as they are now; else None."""
        if not file.is_file():
            return None
        with np.load(file) as saved:
            states = [FileState(*row) for row in saved["states"].tolist()]
            now = [FileState.of(Path(path).stat()) for path in paths]
            if saved["paths"].tolist() != list(paths) or states != now:
                return None
            return cls._with(paths, states, {name: saved[name] for name in _COLUMNS})

    def remember(self, file: Path) -> None:
        """Writes all of this to a file (npz), for the next start; makes its directory."""
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(".writing.npz")
        columns = {name: getattr(self, name).numpy() for name in _COLUMNS}
        np.savez(
            beside,
            allow_pickle=False,
            paths=np.array(self.paths, str),
            states=np.array(self.states, np.int64).reshape(-1, 2),
            **columns,
        )
        beside.replace(file)

    def count_labels(self) -> np.ndarray:
        """Returns int64 [largest label + 1], photos of each label."""
        return np.bincount(self.label.numpy())

    def rows_by_id(self, numbers: tf.Tensor) -> tf.Tensor:
        """Returns the rows, int64 [N], of photos by their place (int64 [N]) among the ids."""
        return tf.gather(self.by_id, numbers)

    def named(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns labels and photo ids, int64 [B] each, of int64 [B] rows."""
        return tf.cast(tf.gather(self.label, rows), tf.int64), tf.gather(self.photo_id, rows)

    def sizes_of(self, rows: tf.Tensor) -> PhotoSizes:
        """Returns the pixels of int64 [B] rows."""
        return PhotoSizes(*tf.unstack(tf.gather(self.size, rows), axis=1))

    def read(self, rows: tf.Tensor, from_copy: tf.Tensor) -> tf.Tensor:
        """Reads photos from their files, or their small copies.

        Args:
            rows: int64 [B].
            from_copy: bool [B], whether to read the copy.

        Returns:
            string [B], JPEGs.

        Raises:
            OpError: of TensorFlow's, if a file was changed; `failures` has the reason.
        """
        which = tf.cast(from_copy, tf.int32)
        begin, reach = (
            tf.gather(tf.gather(column, rows), which, batch_dims=1)
            for column in (self.begin, self.reach)
        )
        jpegs = tf.numpy_function(
            self._read, [tf.gather(self.file_number, rows), begin, reach], tf.string, stateful=False
        )
        return tf.ensure_shape(jpegs, rows.shape)

    def _read(self, files: np.ndarray, begins: np.ndarray, reaches: np.ndarray) -> np.ndarray:
        readers = [self._readers[file] for file in files.tolist()]
        places = [
            Place(begin, *reach)
            for begin, reach in zip(begins.tolist(), reaches.tolist(), strict=True)
        ]
        jpegs = np.empty(len(places), object)
        try:
            for reader, place in zip(readers, places, strict=True):
                reader.expect(place)
            for number, (reader, place) in enumerate(zip(readers, places, strict=True)):
                jpegs[number] = reader.read(place)
        except FieldmarkError as error:
            self.failures.append(error)
            raise
        return jpegs

    @cached_property
    def _readers(self) -> list[StoredReader]:
        return [StoredReader(*of) for of in zip(self.paths, self.states, strict=True)]


def _add(columns: dict[str, array[int]], file: StoredFile, start: int, data: bytes) -> None:
    """Adds what is known of the record that lies there."""
    photo, small, label, photo_id = _parsed(data)
    sizes = (*jpeg_size(photo), *(jpeg_size(small) if small else _NO_SIZE))
    for jpeg in (photo, small):
        place = file.place(start + _offset(jpeg, data), len(jpeg))
        columns["begin"].append(place.begin)
        columns["reach"].extend((place.span, place.first_header))
    columns["size"].extend(sizes)
    columns["label"].append(label)
    columns["photo_id"].append(photo_id)


def _parsed(data: bytes) -> tuple[bytes, bytes, int, int]:
    """Photo, small copy, label and photo id of a record."""
    try:
        features = tf.train.Example.FromString(data).features.feature
    except DecodeError as error:
        raise ValueError("not a tf.train.Example") from error
    for name in (record.IMAGE, record.LABEL):
        if name not in features:
            raise ValueError(f"it has no {name}")
    small = features[record.IMAGE_SMALL].bytes_list.value
    photo_id = features[record.PHOTO_ID].int64_list.value
    label = features[record.LABEL].int64_list.value[0]
    if not 0 <= label < _LABELS:
        raise ValueError(f"its {record.LABEL} is {label}")
    return (
        features[record.IMAGE].bytes_list.value[0],
        small[0] if small else NO_COPY,
        label,
        photo_id[0] if photo_id else UNKNOWN_ID,
    )


def _offset(part: bytes, data: bytes) -> int:
    """Where a part lies in a record."""
    at = data.index(part[:_COMPARED_FIRST])
    # Photos begin alike: their first bytes find a place soon, and all of them say whether it is it.
    while not data.startswith(part, at):
        at = data.index(part[:_COMPARED_FIRST], at + 1)
    return at


def jpeg_size(jpeg: bytes) -> tuple[int, int]:
    """Returns a JPEG's (height, width) in pixels, from its frame header (ITU-T T.81, B.2.2).

    Raises:
        ValueError: if it is not a JPEG.
        IndexError: if it ends before its frame header does.
    """
    if jpeg[:2] != b"\xff\xd8":
        raise ValueError("not a JPEG")
    at = 2
    while jpeg[at + 1] not in _FRAME_HEADERS:
        if jpeg[at] != 0xFF:
            raise ValueError(f"no JPEG segment at byte {at}")
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    height, width = jpeg[at + 5 : at + 7], jpeg[at + 7 : at + 9]
    return int.from_bytes(height, "big"), int.from_bytes(width, "big")
