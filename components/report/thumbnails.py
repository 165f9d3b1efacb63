"""Small pictures of confident errors, taken out of the records that ExampleGen wrote.

The law: a photo id leads to its record by the photo index, whose files and rows are those of the
records (see components.export_example_gen.write_shard); so at most one file of records is opened
for each picture, however large the export.

    thumbnails(errors, index_dir, {"val": Path("examples/1/Split-val")})[0].data_uri
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from schemas import record
from schemas.photo_index import index_files, read_index
from schemas.upright import UPRIGHT, upright

SIZE_PX = 112
JPEG_QUALITY = 72
MOST_PHOTOS = 24
SUSPECTS_OF_A_LEAF = 2


@dataclass(frozen=True)
class ConfidentError:
    """A photo that the model was wrong about, and sure.

    Attributes:
        photo_id: of the photo.
        taxon_id: leaf that it is labelled with.
        answer_taxon_id: leaf that it was taken for; None if the tables do not say.
        suspect: whether its leaf has so many such errors that labels may be wrong.
    """

    photo_id: int
    taxon_id: int
    answer_taxon_id: int | None
    suspect: bool = False


@dataclass(frozen=True)
class Thumbnail:
    """A picture of an error.

    Attributes:
        error: the error.
        data_uri: of a JPEG, SIZE_PX wide and high.
        licence: of the photo; None if it is not known.
        holder: whom to credit; None if it is not known.
    """

    error: ConfidentError
    data_uri: str
    licence: str | None
    holder: str | None


@dataclass(frozen=True)
class Place:
    """Where a photo's record lies.

    Attributes:
        path: of the file of records.
        row: of the record in it, from 0.
        entry: the photo's row of the index.
    """

    path: Path
    row: int
    entry: Mapping[str, Any]


def confident_errors(
    confusions: Sequence[Mapping[str, Any]], problems: Sequence[Mapping[str, Any]] = ()
) -> list[ConfidentError]:
    """Returns suspects of mislabelling, then the most confident error of each confused pair.

    Args:
        confusions: rows of `confusions.parquet`, the most frequent first.
        problems: rows of `problems.parquet`, those with most to gain first.
    """
    answers = {photo: row["answer_taxon_id"] for row in confusions for photo in row["photo_ids"]}
    suspects = [
        ConfidentError(photo_id, row["taxon_id"], answers.get(photo_id), suspect=True)
        for row in problems
        if "mislabelled" in row["diagnoses"]
        for photo_id in row["suspect_photo_ids"][:SUSPECTS_OF_A_LEAF]
    ]
    of_pairs = [
        ConfidentError(photo_id, row["taxon_id"], row["answer_taxon_id"])
        for row in confusions
        for photo_id in row["photo_ids"][:1]
    ]
    found: dict[int, ConfidentError] = {}
    for error in [*suspects[: MOST_PHOTOS // 2], *of_pairs]:
        found.setdefault(error.photo_id, error)
    return list(found.values())[:MOST_PHOTOS]


def thumbnails(
    errors: Sequence[ConfidentError], index_dir: Path, examples: Mapping[str, Path]
) -> list[Thumbnail]:
    """Returns the pictures, in order; errors whose records are gone have none.

    Args:
        errors: to show.
        index_dir: of a PhotoIndex artifact.
        examples: directory of the raw records of each split.
    """
    places = find_records({error.photo_id for error in errors}, index_dir, examples)
    uris = {photo_id: small_picture(example) for photo_id, example in _read(places)}
    return [
        Thumbnail(
            error,
            uris[error.photo_id],
            places[error.photo_id].entry["license"],
            places[error.photo_id].entry["rights_holder"],
        )
        for error in errors
        if error.photo_id in uris
    ]


def find_records(
    photo_ids: set[int], index_dir: Path, examples: Mapping[str, Path]
) -> dict[int, Place]:
    """Returns where the records of photos lie; those not found are left out.

    Args:
        photo_ids: wanted.
        index_dir: of a PhotoIndex artifact.
        examples: directory of the raw records of each split.
    """
    wanted = np.array(sorted(photo_ids), np.int64)
    found: dict[int, Place] = {}
    # An evaluation is of held-out photos, so the largest split comes last.
    for split in reversed(record.SPLITS):
        if split not in examples or not index_files(index_dir, split):
            continue
        files = index_files(index_dir, split)
        columns = ["photo_id", "license", "rights_holder"]
        for path, table in zip(files, read_index(index_dir, split, columns), strict=True):
            rows = np.flatnonzero(np.isin(table["photo_id"].to_numpy(), wanted))
            name = path.name.replace("index-", "data_tfrecord-").replace(".parquet", ".gz")
            for row, entry in zip(rows.tolist(), table.take(rows).to_pylist(), strict=True):
                found.setdefault(entry["photo_id"], Place(examples[split] / name, row, entry))
            if len(found) == len(wanted):
                return found
    return found


def _read(places: Mapping[int, Place]) -> Iterator[tuple[int, tf.train.Example]]:
    """Yields the records that are there, by photo id."""
    by_file: dict[Path, dict[int, int]] = {}
    for photo_id, place in places.items():
        by_file.setdefault(place.path, {})[place.row] = photo_id
    for path, rows in by_file.items():
        if not path.is_file():
            continue
        records = tf.data.TFRecordDataset(str(path), compression_type="GZIP")
        records = records.take(max(rows) + 1).as_numpy_iterator()
        for row, serialized in enumerate(records):
            if row in rows:
                yield rows[row], tf.train.Example.FromString(serialized)


def small_picture(example: tf.train.Example) -> str:
    """Returns the photo of a raw record as a data URI: upright, square, SIZE_PX wide.

    Args:
        example: see schemas.record.
    """
    features = example.features.feature
    photo: Image.Image = Image.open(io.BytesIO(features[record.IMAGE].bytes_list.value[0]))
    # Decoded at a fraction of its size, as a JPEG allows.
    photo.draft("RGB", (2 * SIZE_PX, 2 * SIZE_PX))
    orientation = features[record.ORIENTATION].int64_list.value
    photo = upright(photo.convert("RGB"), orientation[0] if orientation else UPRIGHT)
    buffer = io.BytesIO()
    ImageOps.fit(photo, (SIZE_PX, SIZE_PX)).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
