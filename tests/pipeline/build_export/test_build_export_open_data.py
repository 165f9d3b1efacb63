"""Reading the Open Data dump: what is accepted, and how faults are named."""

from __future__ import annotations

import gzip
import shutil
import tarfile
from pathlib import Path

import duckdb
import pytest
from dump_writer import ALPHA_ONE, TAXA, Observation, observations, uuid_of, write_dump

from pipeline.build_export.build import build_export
from pipeline.build_export.open_data import OpenDataDump
from pipeline.build_export.settings import SelectionSettings
from schemas.errors import ConfigError, DataError
from schemas.vision_export import VisionExport

ROWS = observations((ALPHA_ONE, 12, 1))


def build(dump: Path, out: Path, small: SelectionSettings) -> dict[str, bytes]:
    """Returns the bytes of the files of an export, without selection.json."""
    build_export(OpenDataDump(dump), out, small)
    return {path.name: path.read_bytes() for path in out.glob("*.csv")}


def refused(dump: Path, out: Path, small: SelectionSettings) -> str:
    with pytest.raises(DataError) as caught:
        build_export(OpenDataDump(dump), out, small)
    assert not out.exists()
    assert not list(out.parent.glob(".*.partial"))
    return str(caught.value)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_all_ways_of_writing_the_tables_give_the_same_export(
    tmp_path: Path, small: SelectionSettings
) -> None:
    plain = build(write_dump(tmp_path / "plain", ROWS), tmp_path / "a", small)
    windows = write_dump(tmp_path / "crlf", ROWS, line_end="\r\n", bom=True)
    assert build(windows, tmp_path / "b", small) == plain
    zipped = write_dump(tmp_path / "zipped", ROWS)
    for path in list(zipped.glob("*.csv")):
        Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert build(zipped, tmp_path / "c", small) == plain


def test_an_archive_is_unpacked_once(tmp_path: Path, small: SelectionSettings) -> None:
    dump = write_dump(tmp_path / "inaturalist-open-data-20250327", ROWS)
    plain = build(dump, tmp_path / "a", small)
    archive = tmp_path / "packed" / f"{dump.name}.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as file:
        file.add(dump, dump.name)
    shutil.rmtree(dump)
    source = OpenDataDump(archive, tmp_path / "work")
    assert source.files == (archive,)
    build_export(source, tmp_path / "b", small)
    assert {path.name: path.read_bytes() for path in (tmp_path / "b").glob("*.csv")} == plain
    unpacked = tmp_path / "work" / dump.name / "photos.csv"
    before = unpacked.stat().st_mtime_ns
    OpenDataDump(archive, tmp_path / "work").taxa(duckdb.connect())
    assert unpacked.stat().st_mtime_ns == before


def test_a_damaged_archive(tmp_path: Path, small: SelectionSettings) -> None:
    archive = tmp_path / "inaturalist-open-data-20250327.tar.gz"
    archive.write_bytes(gzip.compress(b"x" * 5000)[:-9])
    assert refused(archive, tmp_path / "out", small).startswith(f"{archive}: cannot be unpacked: ")


def test_surplus_columns_are_fine_and_observers_may_be_missing(
    tmp_path: Path, small: SelectionSettings
) -> None:
    dump = write_dump(tmp_path / "dump", ROWS, observers=False)
    path = dump / "observations.csv"
    header, *lines = path.read_text().splitlines()
    path.write_text(
        "\n".join([f"{header}\tanomaly_score", *(f"{line}\t0.5" for line in lines), ""])
    )
    build(dump, tmp_path / "out", small)
    row = next(VisionExport.open(tmp_path / "out").rows("train"))
    assert row.observer in {str(row.observer) for row in ROWS}
    assert row.rights_holder is None


def test_missing_columns_and_tables_are_named(tmp_path: Path, small: SelectionSettings) -> None:
    dump = write_dump(tmp_path / "dump", ROWS)
    edit(dump / "photos.csv", "photo_id\t", "id\t")
    assert refused(dump, tmp_path / "out", small) == (
        f"{dump}/photos.csv, row 1: lacks the column photo_id. Received: photo_uuid,id,"
        "observation_uuid,observer_id,extension,license,width,height,position. Is this the right "
        "file? docs/exports.md lists the columns of each format."
    )
    (dump / "photos.csv").unlink()
    with pytest.raises(DataError) as caught:
        OpenDataDump(dump)
    assert str(caught.value) == (
        f"{dump}: lacks photos.csv.gz. Give the directory that holds all tables of one dump."
    )
    with pytest.raises(ConfigError, match=r"does not exist\. Expected a directory with"):
        OpenDataDump(tmp_path / "nowhere")


def test_faulty_rows_are_shown_and_counted(tmp_path: Path, small: SelectionSettings) -> None:
    rows = [Observation(ALPHA_ONE, (n,), place=("north", 8)) for n in range(1, 31)]
    dump = write_dump(tmp_path / "dump", rows)
    edit(dump / "observations.csv", "north\t8\t25\t", "50\t8\t")
    text = refused(dump, tmp_path / "out", small).splitlines()
    assert text[0] == f"{dump}/observations.csv: 30 faults:"
    assert text[1].startswith("  row 2: has 7 cells where the header has 8. Received: '")
    assert text[2] == "  row 3, column latitude: is not a number. Received: 'north'."
    assert text[21] == "  ... and 10 more."
    assert text[22] == (
        " Take all tables from one dump; if this one is damaged, download it again."
    )


def test_a_date_and_a_byte_that_cannot_be_read(tmp_path: Path, small: SelectionSettings) -> None:
    rows = [*ROWS, Observation(ALPHA_ONE, (99,), observed_on="2021-02-30", license="CC-BÿY")]
    dump = write_dump(tmp_path / "dump", rows)
    photos = dump / "photos.csv"
    photos.write_bytes(photos.read_bytes().replace("ÿ".encode(), b"\xff"))
    lines = refused(dump, tmp_path / "out", small).splitlines()
    assert lines[1] == (
        "  row 14, column observed_on: is not a date such as 2021-06-30. Received: '2021-02-30'."
    )
    assert lines[2].startswith("  photos.csv, row 14, column license: is not UTF-8. Received: ")


def test_a_uuid_that_is_none_is_found(tmp_path: Path, small: SelectionSettings) -> None:
    dump = write_dump(tmp_path / "dump", ROWS)
    for table in ("observations", "photos"):
        edit(dump / f"{table}.csv", uuid_of(3), "no-uuid")
    assert refused(dump, tmp_path / "out", small) == (
        f"{dump}/observations.csv, row 5: is not a UUID. Received: 'no-uuid'. "
        "Correct the row, or download the file again."
    )


def test_a_carriage_return_in_a_cell(tmp_path: Path, small: SelectionSettings) -> None:
    dump = write_dump(tmp_path / "dump", ROWS)
    (dump / "photos.csv").write_bytes(
        (dump / "photos.csv").read_bytes().replace(b"CC-BY", b"CC\rBY", 1)
    )
    assert refused(dump, tmp_path / "out", small).startswith(
        f"{dump}/photos.csv: cannot be read as lines of cells: line ends are mixed, or a "
        "carriage return stands inside a cell."
    )


def test_faults_of_the_taxa(tmp_path: Path, small: SelectionSettings) -> None:
    taxa = [
        *TAXA,
        (ALPHA_ONE, "48460/1", 10, "species", "Twice", True),
        (901, "48460/1", 20, "genos", "Misspelt", True),
    ]
    dump = write_dump(tmp_path / "dump", ROWS, taxa)
    assert refused(dump, tmp_path / "out", small) == (
        f"{dump}/taxa.csv: 2 faults:\n"
        "  row 14, column taxon_id: 21 stands on row 6 too.\n"
        "  row 15, column rank: is none of iNaturalist's. Received: 'genos', on 1 rows. "
        "Did you mean 'genus'?\n Take all tables from one dump, or correct the row."
    )
    taxa = [
        *TAXA,
        (901, "48460/1/902", 20, "genus", "Loop", True),
        (902, "48460/1/901", 20, "genus", "Pool", True),
        (903, "48460/777", 20, "genus", "Orphan", True),
        # Never selected, so it may stand anywhere.
        (904, "48460/777", 20, "genus", "Lost", False),
    ]
    dump = write_dump(tmp_path / "second", ROWS, taxa)
    assert refused(dump, tmp_path / "out", small) == (
        f"{dump}/taxa.csv: 3 faults:\n"
        "  row 16, column ancestry: taxon 903 is below 777, which has no row of its own.\n"
        "  row 14, column ancestry: taxon 901 is below itself or a loop.\n"
        "  row 15, column ancestry: taxon 902 is below itself or a loop.\n"
        " Take all tables from one dump, or correct the row."
    )


def test_the_real_sample_of_taxa_lacks_parents(
    shared_data: Path, tmp_path: Path, small: SelectionSettings
) -> None:
    """The published sample has fifty taxa of random places in the tree."""
    text = refused(shared_data / "metadata" / "open-data", tmp_path / "out", small)
    assert "which has no row of its own" in text
    assert "more." in text


def test_the_real_sample_of_observations_can_be_read(shared_data: Path) -> None:
    """Two of its rows have an empty cell too many; no row is dropped in silence."""
    connection = duckdb.connect()
    source = OpenDataDump(shared_data / "metadata" / "open-data")
    source.create_views(connection)
    rows = connection.execute("FROM candidate").fetchall()
    with pytest.raises(DataError) as caught:
        source.check(connection)
    assert "observations.csv: 2 faults:\n  row 27: has 9 cells where the header has 8." in str(
        caught.value
    )
    assert 40 <= len(rows) <= 50
    names = dict(connection.execute("SELECT observer, name FROM observer_name").fetchall())
    assert names["1"] == "Ken-ichi Ueda"
    assert names["8"] is None
