from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import DataError
from schemas.photo_index import (
    SCHEMA,
    IndexRow,
    index_file,
    index_files,
    read_index,
    write_index,
)


def row(photo_id: int, **changes: object) -> IndexRow:
    return IndexRow(
        photo_id=photo_id,
        observation_id=10 + photo_id,
        observation_uuid=None,
        taxon_id=3,
        row_number=2,
        path=f"photos/{photo_id}/medium.jpg",
        photo_url=None,
        sha256="0" * 64,
        phash=2**64 - photo_id,
        license=None,
        rights_holder=None,
        observer=None,
    )._replace(**changes)


def test_fields_of_a_row_are_the_columns() -> None:
    assert list(IndexRow._fields) == SCHEMA.names


def test_file_is_named_after_its_place_in_the_split() -> None:
    path = index_file(Path("/index"), "train", 3, 12)

    assert path == Path("/index/Split-train/index-00003-of-00012.parquet")


def test_rows_come_back_a_table_a_file_in_order(tmp_path: Path) -> None:
    write_index([row(3)], index_file(tmp_path, "train", 1, 2))
    write_index([row(1), row(2)], index_file(tmp_path, "train", 0, 2))
    write_index([row(4)], index_file(tmp_path, "val", 0, 1))

    tables = list(read_index(tmp_path, "train"))

    assert [table["photo_id"].to_pylist() for table in tables] == [[1, 2], [3]]
    assert tables[0].schema == SCHEMA
    assert [IndexRow(**found) for found in tables[1].to_pylist()] == [row(3)]


@given(
    photo_id=st.integers(1, 2**62),
    phash=st.integers(0, 2**64 - 1),
    text=st.none() | st.text(max_size=30),
)
def test_any_value_comes_back(
    photo_id: int, phash: int, text: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("index")
    given_row = row(photo_id, phash=phash, rights_holder=text)
    write_index([given_row], index_file(folder, "train", 0, 1))

    (table,) = read_index(folder, "train")
    assert [IndexRow(**found) for found in table.to_pylist()] == [given_row]


def test_chosen_columns_alone_are_read(tmp_path: Path) -> None:
    write_index([row(1)], index_file(tmp_path, "train", 0, 1))

    (table,) = read_index(tmp_path, "train", ["phash", "photo_id"])

    assert table.to_pylist() == [{"phash": 2**64 - 1, "photo_id": 1}]


def test_split_without_photos_gives_nothing(tmp_path: Path) -> None:
    assert list(read_index(tmp_path, "test")) == []
    assert index_files(tmp_path, "test") == []


def test_file_being_written_is_not_taken_for_one(tmp_path: Path) -> None:
    path = index_file(tmp_path, "train", 0, 2)
    write_index([], path)
    (path.parent / "writing-77-index-00001-of-00002.parquet").write_bytes(b"PAR1")

    assert index_files(tmp_path, "train") == [path]
    assert [table.num_rows for table in read_index(tmp_path, "train")] == [0]


def test_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    paths = [index_file(tmp_path / name, "train", 0, 1) for name in "ab"]
    for path in paths:
        write_index([row(1), row(2)], path)

    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_broken_file_is_named(tmp_path: Path) -> None:
    path = index_file(tmp_path, "train", 0, 1)
    path.parent.mkdir()
    path.write_bytes(b"no parquet")

    with pytest.raises(DataError) as caught:
        list(read_index(tmp_path, "train"))

    assert str(caught.value).startswith(f"{path}: cannot be read: ")
    assert str(caught.value).endswith(" Run ExportExampleGen again.")


def test_file_of_other_columns_is_named_with_those_missing(tmp_path: Path) -> None:
    path = index_file(tmp_path, "train", 0, 1)
    path.parent.mkdir()
    pq.write_table(pa.table({"photo_id": [1]}), path)

    with pytest.raises(DataError) as caught:
        list(read_index(tmp_path, "train", ["photo_id", "phash", "path"]))

    assert str(caught.value) == (
        f"{path}: lacks the columns phash, path. Run ExportExampleGen again."
    )
