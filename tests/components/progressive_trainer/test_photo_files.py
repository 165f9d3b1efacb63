"""Photos that are read where they lie are the very photos of the records."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tiny_training import FIRST_ID, halved, write_records

from components.progressive_trainer.photo_files import PhotoFiles, jpeg_size
from components.progressive_trainer.photo_stream import training_stream
from components.stored_records import NotStored
from schemas import record
from schemas.errors import FieldmarkError

PHOTOS = 7


def same(photo: bytes) -> bytes:
    return photo


@pytest.fixture(params=[halved, same, None], ids=["copies", "equal copies", "no copies"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    return write_records(tmp_path, [3, 1, 4, 1, 5, 9, 2], files=3, small=request.param)


def parsed(files: list[str]) -> list[dict[str, tf.Tensor]]:
    features = {
        record.IMAGE: tf.io.FixedLenFeature([], tf.string),
        record.IMAGE_SMALL: tf.io.FixedLenFeature([], tf.string, default_value=b""),
        record.LABEL: tf.io.FixedLenFeature([], tf.int64),
        record.PHOTO_ID: tf.io.FixedLenFeature([], tf.int64),
    }
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    return [tf.io.parse_single_example(one, features) for one in records]


def test_rows_are_the_records_of_the_files(files: list[str]) -> None:
    records = parsed(files)
    photos = PhotoFiles.of(files)
    rows = tf.range(PHOTOS, dtype=tf.int64)

    for name, from_copy in ((record.IMAGE, False), (record.IMAGE_SMALL, True)):
        read = photos.read(rows, tf.fill([PHOTOS], from_copy)).numpy().tolist()
        assert read == [one[name].numpy() for one in records]
    labels, photo_ids = photos.named(rows)
    assert labels.numpy().tolist() == [one[record.LABEL].numpy() for one in records]
    assert photo_ids.numpy().tolist() == [one[record.PHOTO_ID].numpy() for one in records]
    sizes = photos.sizes_of(rows)
    for one, whole, small in zip(records, sizes.whole.numpy(), sizes.small.numpy(), strict=True):
        assert whole.tolist() == tf.io.extract_jpeg_shape(one[record.IMAGE])[:2].numpy().tolist()
        copy = one[record.IMAGE_SMALL].numpy()
        expected = tf.io.extract_jpeg_shape(copy)[:2].numpy().tolist() if copy else [0, 0]
        assert small.tolist() == expected


def test_rows_by_id_rise(files: list[str]) -> None:
    photos = PhotoFiles.of(files)

    rows = photos.rows_by_id(tf.range(PHOTOS, dtype=tf.int64))

    assert photos.named(rows)[1].numpy().tolist() == [FIRST_ID + number for number in range(PHOTOS)]


def columns(photos: PhotoFiles) -> list[list[int]]:
    tensors = (
        photos.file_number,
        photos.begin,
        photos.reach,
        photos.size,
        photos.label,
        photos.by_id,
    )
    return [tensor.numpy().tolist() for tensor in tensors]


def test_what_is_remembered_is_what_was_found(files: list[str], tmp_path: Path) -> None:
    found = PhotoFiles.of(files)
    file = tmp_path / "new" / "photos.npz"

    found.remember(file)
    again = PhotoFiles.remembered(files, file)

    assert again is not None
    assert columns(again) == columns(found)
    rows = tf.constant([4, 0], tf.int64)
    whole = tf.constant([False, False])
    assert (again.read(rows, whole).numpy() == found.read(rows, whole).numpy()).all()
    assert [path.name for path in file.parent.iterdir()] == ["photos.npz"]


def test_other_files_and_files_that_changed_are_not_remembered(
    files: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "photos.npz"
    assert PhotoFiles.remembered(files, file) is None
    PhotoFiles.of(files).remember(file)

    assert PhotoFiles.remembered(files[:2], file) is None
    os.utime(files[1], ns=(1, 1))
    assert PhotoFiles.remembered(files, file) is None


def test_file_that_was_deflated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotStored, match="was deflated"):
        PhotoFiles.of(write_records(tmp_path, [0, 1], files=1, level=6))


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        ({record.IMAGE: b"\xff\xd8"}, f"it has no {record.LABEL}"),
        ({record.LABEL: 3}, f"it has no {record.IMAGE}"),
        ({record.IMAGE: b"\xff\xd8", record.LABEL: -1}, f"its {record.LABEL} is -1"),
        ({record.IMAGE: b"\xff\xd8", record.LABEL: 2**31}, f"its {record.LABEL} is {2**31}"),
        ({record.IMAGE: b"GIF89a", record.LABEL: 3}, "not a JPEG"),
        ({record.IMAGE: b"\xff\xd8\xff\xe0\x00\x10JFIF", record.LABEL: 3}, "out of range"),
        ({record.IMAGE: b"\xff\xd8\x00\x00\x00\x00\x00", record.LABEL: 3}, "no JPEG segment"),
    ],
)
def test_record_that_is_none_of_a_photo_is_named(
    tmp_path: Path, features: dict[str, bytes | int], reason: str
) -> None:
    example = tf.train.Example()
    for name, value in features.items():
        feature = example.features.feature[name]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        else:
            feature.int64_list.value.append(value)
    path = str(tmp_path / "data.gz")
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)
    with tf.io.TFRecordWriter(path, options) as writer:
        writer.write(example.SerializeToString())

    with pytest.raises(FieldmarkError, match=rf"data\.gz: the record at byte 12 .*{reason}"):
        PhotoFiles.of([path])


def test_record_that_is_no_example_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "data.gz")
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)
    with tf.io.TFRecordWriter(path, options) as writer:
        writer.write(b"\xff" * 20)

    with pytest.raises(FieldmarkError, match=r"data\.gz: the record at byte 12 .*not a tf\.train"):
        PhotoFiles.of([path])


def encoded(mode: str, size: tuple[int, int], **options: int | bool) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, "grey").save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "jpeg",
    [
        encoded("RGB", (48, 40)),
        encoded("RGB", (300, 1), progressive=True),
        encoded("L", (1, 70_000 // 2), quality=3, optimize=True),
        encoded("RGB", (33, 17), restart_marker_blocks=1),
    ],
    ids=["baseline", "progressive", "grey", "restarts"],
)
def test_size_of_a_jpeg_is_what_the_decoder_says(jpeg: bytes) -> None:
    assert list(jpeg_size(jpeg)) == tf.io.extract_jpeg_shape(jpeg)[:2].numpy().tolist()


def overwritten(path: str, places: list[tuple[int, int]], state_ns: int) -> None:
    with Path(path).open("r+b") as file:
        for begin, size in places:
            file.seek(begin)
            file.write(b"\0" * size)
    os.utime(path, ns=(state_ns, state_ns))


@pytest.mark.parametrize(("size_px", "fails"), [(16, False), (40, True)])
def test_photo_whose_copy_is_enough_is_not_read(tmp_path: Path, size_px: int, fails: bool) -> None:
    (path,) = write_records(tmp_path, range(PHOTOS), files=1, small=halved)
    photos = PhotoFiles.of([path])
    places = zip(photos.begin.numpy()[:, 0], photos.reach.numpy()[:, 0, 0], strict=True)
    overwritten(path, list(places), photos.states[0].changed_ns)
    stream = training_stream(
        [path],
        num_photos=PHOTOS,
        start_examples=0,
        image_size_px=size_px,
        global_batch=PHOTOS,
        steps=1,
        augment=0.1,
        seed=1,
        shuffle_buffer_photos=1,
        photo_files=photos,
    )

    def take() -> np.ndarray:
        return next(stream.as_numpy_iterator())[0]

    if fails:
        with pytest.raises(tf.errors.InvalidArgumentError):
            take()
    else:
        assert take().std() > 10
