from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.csv_rows import Problems
from schemas.errors import ConfigError, DataError
from schemas.export_summary import SplitSummary, summary
from schemas.photo_store import PhotoKey, PhotoStore
from schemas.source import Source
from schemas.taxonomy_csv import read_taxonomy
from schemas.vision_export import VisionExport

TAXONOMY = """parent_taxon_id,taxon_id,rank_level,leaf_class_id,name
,1,70,,Animalia
1,10,10,1,Aus bus
1,11,10.0,0,Cus dus
"""
HEADER = (
    "photo_id,photo_url,observation_id,leaf_class_id,iconic_class_id,taxon_id,obs_taxon_id,"
    "community"
)
ROW = "25,https://x.org/photos/25/medium.JPG,13,1,0,10,12,1"
OLD_HEADER = "id,filename,labels,texts"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes an export; a file given as None is left out."""

    def write(**files: str | None) -> Path:
        contents = {
            "taxonomy": TAXONOMY,
            "train_data": f"{HEADER}\n{ROW}\n",
            "val_data": f"{HEADER}\n",
            **files,
        }
        for name, text in contents.items():
            if text is not None:
                (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_opens_an_export_of_today(write: Write) -> None:
    directory = write(
        test_data=f"{HEADER}\n", spatial_data="observation_id,latitude,longitude,observed_on\n"
    )
    export = VisionExport.open(directory)
    assert export.generation == "2022"
    assert export.taxonomy_path == directory / "taxonomy.csv"
    assert list(export.split_paths) == ["train", "val", "test"]
    assert export.spatial_path == directory / "spatial_data.csv"
    assert export.headers["train"] == tuple(HEADER.split(","))


def test_test_split_and_places_may_be_missing(write: Write) -> None:
    export = VisionExport.open(str(write()))
    assert list(export.split_paths) == ["train", "val"]
    assert export.spatial_path is None
    assert list(export.spatial_rows()) == []


def test_opens_an_export_of_2018(write: Write) -> None:
    directory = write(
        taxonomy=None,
        taxonomy_data=TAXONOMY,
        train_data=f"{OLD_HEADER}\n25.0,photos/a/b.jpeg,1.0,10\n",
        val_data=f"{OLD_HEADER}\n",
    )
    export = VisionExport.open(directory)
    assert (export.generation, export.taxonomy_path.name) == ("2018-2021", "taxonomy_data.csv")
    (row,) = export.rows("train")
    assert row.key == PhotoKey(25, "jpeg", "photos/a/b.jpeg")
    assert (row.leaf_class_id, row.taxon_id, row.observation_id) == (1, 10, None)
    assert (row.obs_taxon_id, row.community, row.photo_url) == (None, None, None)
    assert summary(export)["train"] == SplitSummary(photos=1, observations=None, taxa=1)


def test_an_export_can_be_sent_to_a_worker(write: Write) -> None:
    export = VisionExport.open(write())
    assert pickle.loads(pickle.dumps(export)) == export


def test_rows_stream_past_faults_when_somebody_notes_them(write: Write) -> None:
    directory = write(
        train_data=f"{HEADER}\nx,,1,0,,11,,\n{ROW}\n26,,0,0,,11,,\n27,,9,7,,11,,\n28,,9\n"
    )
    export = VisionExport.open(directory)
    problems = Problems(export.split_paths["train"])
    rows = list(export.rows("train", problems, read_taxonomy(export.taxonomy_path)))
    assert [row.photo_id for row in rows] == [25]
    with pytest.raises(DataError) as caught:
        problems.raise_if_any("Mend it.")
    assert str(caught.value) == (
        f"{directory}/train_data.csv: 4 faults:\n"
        "  row 2, column photo_id: is not a positive integer. Received: 'x'.\n"
        "  row 4, column observation_id: is not a positive integer. Received: '0'.\n"
        "  row 5, column leaf_class_id: 7 is none of the taxonomy's, 0..1.\n"
        "  row 6: has 3 cells where the header has 8. Received: '28,,9'.\n"
        " Mend it."
    )


def test_rows_raise_their_faults_at_the_end_when_nobody_notes_them(write: Write) -> None:
    directory = write(train_data=f"{HEADER}\nx,,1,0,,11,,\n{ROW}\n")
    rows = VisionExport.open(directory).rows("train")
    assert next(rows).photo_id == 25
    with pytest.raises(DataError) as caught:
        next(rows)
    assert str(caught.value) == (
        f"{directory}/train_data.csv: 1 fault:\n"
        "  row 2, column photo_id: is not a positive integer. Received: 'x'.\n"
        " Correct the row, or export it again."
    )


def test_is_a_source(write: Write) -> None:
    directory = write(spatial_data="observation_id,latitude,longitude,observed_on\n")
    source: Source = VisionExport.open(directory)
    assert (source.format, source.has_places) == ("vision", True)
    assert source.description == "vision export, columns of 2022"
    assert [path.name for path in source.files] == [
        *("taxonomy.csv", "train_data.csv", "val_data.csv", "spatial_data.csv"),
    ]
    assert source.taxonomy().leaf_names == ["Cus dus", "Aus bus"]


def test_without_a_spatial_file_it_has_no_places(write: Write) -> None:
    source = VisionExport.open(write())
    assert not source.has_places
    assert [path.name for path in source.files] == [
        "taxonomy.csv",
        "train_data.csv",
        "val_data.csv",
    ]


@settings(max_examples=150)
@given(
    photos=st.lists(st.none() | st.integers(1, 10**12), max_size=12),
    line_end=st.sampled_from(["\n", "\r\n"]),
    start=st.sampled_from(["", "\ufeff"]),
    is_final_line_ended=st.booleans(),
    rows_per_range=st.integers(1, 14),
)
def test_range_after_range_gives_the_rows_of_the_file(
    photos: list[int | None],
    line_end: str,
    start: str,
    is_final_line_ended: bool,
    rows_per_range: int,
) -> None:
    lines = [HEADER, *("" if photo is None else f"{photo},,7,0,0,11,," for photo in photos)]
    text = start + line_end.join(lines) + (line_end if is_final_line_ended else "")
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        (root / "taxonomy.csv").write_text(TAXONOMY, encoding="utf-8")
        (root / "train_data.csv").write_text(text, encoding="utf-8", newline="")
        (root / "val_data.csv").write_text(f"{HEADER}\n", encoding="utf-8")
        export = VisionExport.open(root)
        ranges = export.ranges("train", rows_per_range)
        assert [row for part in ranges for row in export.rows_in(part)] == [*export.rows("train")]
        assert all(part.num_rows == rows_per_range for part in ranges[:-1])
        assert not ranges or 1 <= ranges[-1].num_rows <= rows_per_range
        assert [part.first_row for part in ranges] == [
            2 + number * rows_per_range for number in range(len(ranges))
        ]


def test_a_range_raises_its_own_faults_after_its_rows_and_they_travel(write: Write) -> None:
    directory = write(
        train_data=f"{HEADER}\nx,,1,0,,11,,\n{ROW}\n26,,0,0,,11,,\n{ROW}\n28,,9\n{ROW}\n"
    )
    export = VisionExport.open(directory)
    first, second = export.ranges("train", 4)
    assert (first.num_rows, second.num_rows) == (4, 2)
    rows = export.rows_in(first)
    assert [next(rows).row_number, next(rows).row_number] == [3, 5]
    with pytest.raises(DataError) as caught:
        next(rows)
    text = (
        f"{directory}/train_data.csv: 2 faults:\n"
        "  row 2, column photo_id: is not a positive integer. Received: 'x'.\n"
        "  row 4, column observation_id: is not a positive integer. Received: '0'.\n"
        " Correct the row, or export it again."
    )
    assert str(caught.value) == text
    travelled = pickle.loads(pickle.dumps(caught.value))
    assert (type(travelled), str(travelled)) == (DataError, text)
    assert travelled.path == f"{directory}/train_data.csv"


def test_ranges_of_a_file_that_changed_are_refused(write: Write) -> None:
    directory = write(train_data=f"{HEADER}\n{ROW}\n{ROW}\n")
    export = VisionExport.open(directory)
    (part,) = export.ranges("train", 5)
    write(train_data=f"{HEADER}\n{ROW}\n")
    with pytest.raises(DataError) as caught:
        list(export.rows_in(part))
    assert str(caught.value) == (
        f"{directory}/train_data.csv, row 2: does not end at byte {part.end_byte} any more, as "
        "when the file was cut into ranges. Leave the files of an export alone while it is read, "
        "and start again."
    )


def test_a_range_holds_a_row_at_least(write: Write) -> None:
    with pytest.raises(ConfigError) as caught:
        VisionExport.open(write()).ranges("train", 0)
    assert str(caught.value) == "rows_per_range must be at least 1. Received: 0."


def test_spatial_rows_stream_and_raise_their_faults(write: Write) -> None:
    directory = write(
        spatial_data="observation_id,latitude,longitude,observed_on\n13,1,2,\n14,91,2,\n"
    )
    export = VisionExport.open(directory)
    rows = export.spatial_rows()
    assert next(rows).observation_id == 13
    with pytest.raises(DataError) as caught:
        next(rows)
    assert "row 3, column latitude: is not a number in -90..90. Received: '91'." in str(
        caught.value
    )
    problems = Problems("x")
    assert [row.row_number for row in export.spatial_rows(problems)] == [2]


def test_photo_keys_go_split_after_split(write: Write) -> None:
    directory = write(val_data=f"{HEADER}\n26,,14,0,0,11,,\n")
    assert list(VisionExport.open(directory).photo_keys()) == [
        PhotoKey(25, "JPG"),
        PhotoKey(26, None),
    ]


def test_a_missing_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        VisionExport.open(tmp_path / "gone")
    assert str(caught.value) == (
        f"The export '{tmp_path}/gone' does not exist. Expected the directory that iNaturalist's "
        "exporter wrote, with taxonomy.csv and train_data.csv in it."
    )


def test_a_file_is_no_export(write: Write) -> None:
    file = write() / "taxonomy.csv"
    with pytest.raises(ConfigError, match=r"taxonomy.csv' is a file\. Expected the directory"):
        VisionExport.open(file)


def test_a_wrong_directory_is_told_what_was_looked_for_and_found(tmp_path: Path) -> None:
    for name in "abcdefghi":
        (tmp_path / f"{name}.txt").touch()
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError) as caught:
        VisionExport.open(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: is not a vision export. Looked for: taxonomy.csv or taxonomy_data.csv, and "
        "train_data.csv. Found: a.txt, b.txt, c.txt, d.txt, e.txt, f.txt, g.txt, h.txt and 2 more. "
        "Give the directory that the exporter wrote."
    )


def test_the_parent_of_an_export_gets_a_hint(tmp_path: Path, write: Write) -> None:
    directory = write()
    inner = directory / "vision-export-20250216070017"
    inner.mkdir()
    for path in directory.glob("*.csv"):
        path.rename(inner / path.name)
    with pytest.raises(DataError) as caught:
        VisionExport.open(directory)
    assert str(caught.value).endswith(
        "Found: vision-export-20250216070017/. Give the directory that the exporter wrote. "
        f"Did you mean '{inner}'?"
    )


def test_an_empty_directory_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Found: nothing\."):
        VisionExport.open(tmp_path)


def test_an_export_without_val_is_refused(write: Write) -> None:
    directory = write(val_data=None)
    with pytest.raises(DataError) as caught:
        VisionExport.open(directory)
    assert str(caught.value) == (
        f"{directory}: has no val_data.csv, so nothing could tell a good model from a bad one. "
        "Export it again with a val split; Fieldmark never cuts one from train, because photos of "
        "one observation would stand on both sides."
    )


def test_a_missing_column_is_named_at_once(write: Write) -> None:
    directory = write(val_data="photo_id,photo_url\n")
    with pytest.raises(DataError) as caught:
        VisionExport.open(directory)
    assert str(caught.value) == (
        f"{directory}/val_data.csv, row 1: lacks the columns observation_id, leaf_class_id, "
        "taxon_id. Received: photo_id,photo_url. Is this the right file? docs/exports.md lists "
        "the columns of each format."
    )


def test_an_old_export_without_filenames_is_refused(write: Write) -> None:
    directory = write(train_data="id,labels,texts\n")
    with pytest.raises(DataError, match=r"row 1: lacks the column filename\. Received: id,labels"):
        VisionExport.open(directory)


def test_splits_of_two_generations_are_refused(write: Write) -> None:
    directory = write(val_data=f"{OLD_HEADER}\n")
    with pytest.raises(DataError) as caught:
        VisionExport.open(directory)
    assert str(caught.value) == (
        f"{directory}/val_data.csv, row 1: has the columns of 2018-2021, but train_data.csv has "
        "those of 2022. Received: id,filename,labels,texts. Take all split files from one export."
    )


def test_a_spatial_file_without_places_is_refused(write: Write) -> None:
    directory = write(spatial_data="observation_id,latitude\n")
    with pytest.raises(DataError, match=r"spatial_data.csv, row 1: lacks the columns longitude"):
        VisionExport.open(directory)


def test_a_split_that_is_not_there_is_named(write: Write) -> None:
    directory = write()
    with pytest.raises(ConfigError) as caught:
        next(VisionExport.open(directory).rows("test"))
    assert str(caught.value) == (
        f"The export '{directory}' has no split 'test'. It has: train, val."
    )


def test_summary_counts_photos_observations_and_taxa(write: Write) -> None:
    rows = "\n".join(f"{photo},,{13 + photo // 2},0,0,11,,0" for photo in range(30, 36))
    directory = write(train_data=f"{HEADER}\n{ROW}\n{rows}\n")
    assert summary(VisionExport.open(directory)) == {
        "train": SplitSummary(photos=7, observations=4, taxa=2),
        "val": SplitSummary(photos=0, observations=None, taxa=0),
    }


def test_reads_files_that_the_real_exporter_wrote(shared_data: Path) -> None:
    export = VisionExport.open(shared_data / "metadata/vision-export-sample")
    assert summary(export)["train"] == SplitSummary(photos=282, observations=116, taxa=4)
    taxonomy = read_taxonomy(export.taxonomy_path)
    for split in export.split_paths:
        assert all(row.extension for row in export.rows(split, taxonomy=taxonomy))
    assert sum(1 for _ in export.spatial_rows()) == 229


def test_finds_every_photo_of_a_real_export(shared_data: Path) -> None:
    export = VisionExport.open(shared_data / "vision-export-birds100")
    store = PhotoStore(export.directory)
    assert sum(counts.photos for counts in summary(export).values()) == 5902
    assert all(store.find(*key) is not None for key in export.photo_keys())
