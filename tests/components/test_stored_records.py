"""What is read in place is what reading from the beginning gives."""

from __future__ import annotations

import gzip
import os
import random
import re
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf

from components.photo_transform.stored_gzip import WriteStored
from components.stored_records import NotStored, StoredFile, StoredReader
from schemas.errors import FieldmarkError

# Some are smaller than a header, some larger than several blocks.
SIZES = [0, 1, 3, 40_000, 44_000, 65_535, 65_536, 200_000, 5, 7_000, 131_070, 0]


def some_bytes(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


RECORDS = [some_bytes(size, seed) for seed, size in enumerate(SIZES)]


def written(path: Path, *, compression: str = "GZIP") -> str:
    options = tf.io.TFRecordOptions(compression_type=compression, compression_level=0)
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for data in RECORDS:
            writer.write(data)
    return str(path)


def written_by_transform(directory: Path) -> str:
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create([RECORDS])
            | beam.FlatMap(lambda records: records)
            | WriteStored(str(directory / "records"))
        )
    (path,) = directory.glob("records*")
    return str(path)


@pytest.fixture(scope="module", params=["TensorFlow", "Transform"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("stored")
    if request.param == "TensorFlow":
        return written(directory / "records.gz")
    return written_by_transform(directory)


def test_records_are_those_of_the_stock_reader(path: str) -> None:
    stock = list(tf.data.TFRecordDataset(path, compression_type="GZIP").as_numpy_iterator())

    assert [data for _, data in StoredFile(path).records()] == stock
    assert sorted(stock) == sorted(RECORDS)


def test_any_part_is_that_of_the_content(path: str) -> None:
    content = gzip.decompress(Path(path).read_bytes())
    file = StoredFile(path)
    reader = StoredReader(file.path, file.state)
    draw = random.Random(7)
    starts = [draw.randrange(len(content)) for _ in range(300)]
    # Parts that begin or end where a block does are drawn by their ends, near 64 kB and 32 kB.
    starts += [edge + off for edge in range(0, len(content), 32_767) for off in range(-8, 9)]
    for start in (start for start in starts if 0 <= start < len(content)):
        size = min(draw.choice([0, 1, 9, 6_000, 70_000, 150_000]), len(content) - start)
        place = file.place(start, size)
        reader.expect(place)
        assert reader.read(place) == content[start : start + size], (start, size)
    assert file.content_bytes == len(content)


def test_each_record_is_where_it_is_said_to_be(path: str) -> None:
    file = StoredFile(path)
    reader = StoredReader(file.path, file.state)

    for start, data in file.records():
        assert reader.read(file.place(start, len(data))) == data


def test_file_that_was_deflated_is_refused(tmp_path: Path) -> None:
    # Gzip deflates only what becomes smaller: what begins stored may be deflated further on.
    path = tmp_path / "deflated.gz"
    path.write_bytes(gzip.compress(some_bytes(300_000, 1) + bytes(300_000), mtime=0))

    with pytest.raises(NotStored, match=r"deflated\.gz was deflated"):
        StoredFile(str(path))


def test_file_that_is_not_gzip_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "plain", compression="")

    with pytest.raises(NotStored, match="plain is not gzip"):
        StoredFile(path)


def test_file_without_a_record_is_one_of_none(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "no_content.gz").write_bytes(gzip.compress(b"", 0))

    for name in ("empty", "no_content.gz"):
        stock = tf.data.TFRecordDataset(str(tmp_path / name), compression_type="GZIP")
        assert list(stock) == []
        assert list(StoredFile(str(tmp_path / name)).records()) == []


def test_name_in_the_gzip_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "named.gz"
    with gzip.open(path, "wb", compresslevel=0) as file:
        file.write(b"content")

    with pytest.raises(NotStored, match=r"named\.gz has more in its gzip header"):
        StoredFile(str(path))


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_file_that_was_cut_off_is_named(path: str, tmp_path: Path, kept: float) -> None:
    whole = Path(path).read_bytes()
    short = tmp_path / "short.gz"
    short.write_bytes(whole[: int(kept * len(whole))])

    with pytest.raises(FieldmarkError, match=r"short\.gz ends before its content does"):
        StoredFile(str(short))


def test_content_that_ends_within_a_record_is_named(tmp_path: Path) -> None:
    content = gzip.decompress(Path(written(tmp_path / "records.gz")).read_bytes())
    (tmp_path / "cut.gz").write_bytes(gzip.compress(content[:-30], 0))

    with pytest.raises(FieldmarkError, match=r"cut\.gz ends before its content does"):
        list(StoredFile(str(tmp_path / "cut.gz")).records())


@pytest.mark.parametrize("at", [3, 9, 20_000])
def test_record_that_is_not_what_was_written_is_named(tmp_path: Path, at: int) -> None:
    path = Path(written(tmp_path / "records.gz"))
    start = next(start for start, data in StoredFile(str(path)).records() if len(data) == 40_000)
    flipped = bytearray(path.read_bytes())
    place = StoredFile(str(path)).place(start - 12 + at, 1)
    flipped[place.begin] ^= 4
    path.write_bytes(flipped)

    named = f"{path}: what lies at byte {start - 12 if at < 12 else start:,} of its content is not"
    with pytest.raises(FieldmarkError, match=re.escape(named)):
        list(StoredFile(str(path)).records())


def test_file_that_was_written_anew_is_not_read(tmp_path: Path) -> None:
    file = StoredFile(written(tmp_path / "records.gz"))
    os.utime(file.path, ns=(1, 1))

    with pytest.raises(FieldmarkError, match=r"records\.gz was written anew"):
        StoredReader(file.path, file.state).read(file.place(0, 10))


def test_file_that_is_gone_is_named(tmp_path: Path) -> None:
    file = StoredFile(written(tmp_path / "records.gz"))
    Path(file.path).unlink()

    with pytest.raises(FieldmarkError, match=r"records\.gz cannot be read any more \(No such file"):
        StoredReader(file.path, file.state).read(file.place(0, 10))


def test_file_that_becomes_shorter_while_it_is_read_is_named(tmp_path: Path) -> None:
    file = StoredFile(written(tmp_path / "records.gz"))
    reader = StoredReader(file.path, file.state)
    last = file.place(file.content_bytes - 10, 10)
    reader.read(last)
    os.truncate(file.path, 1000)

    with pytest.raises(FieldmarkError, match=r"records\.gz ends before its content does"):
        reader.read(last)


def test_damaged_header_within_a_part_is_named(tmp_path: Path) -> None:
    file = StoredFile(written(tmp_path / "records.gz"))
    place = file.place(0, 150_000)
    assert place.first_header
    with Path(file.path).open("r+b") as damaged:
        damaged.seek(place.begin + place.first_header)
        damaged.write(b"\x00\xff\xff\xff\xff")
    os.utime(file.path, ns=(file.state.changed_ns, file.state.changed_ns))

    with pytest.raises(FieldmarkError, match=r"records\.gz is damaged at byte [\d,]+"):
        StoredReader(file.path, file.state).read(place)
