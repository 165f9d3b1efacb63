from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_world import TAXONOMY_CSV

from schemas.errors import DataError
from schemas.taxonomy import Taxonomy
from schemas.taxonomy_csv import read_taxonomy
from serving.mobile_files import write_mobile_files
from serving.mobile_readers import read_android_taxonomy, read_ios_taxonomy, read_labels

HEADER = "parent_taxon_id,taxon_id,rank_level,leaf_class_id,geo_threshold,name"


def test_android_file_exactly(taxonomy: Taxonomy, tmp_path: Path) -> None:
    write_mobile_files(taxonomy, tmp_path)

    assert (tmp_path / "taxonomy.csv").read_text() == (
        f"{HEADER}\n"
        ",1,70,,,Animalia\n"
        ",47126,70,,,Plantae\n"
        "1,10,30,,,Strigidae\n"
        "10,20,20,,,Strix\n"
        "20,101,10,2,,Strix aluco\n"
        "20,102,10,0,,Strix varia\n"
        "10,30,33.5,4,,Strigina\n"
        "47126,40,20,,,Quercus\n"
        "40,201,10,3,,Quercus robur\n"
        "40,202,10,1,,Quercus alba\n"
    )


def test_ios_file_has_the_same_keys_and_nulls(taxonomy: Taxonomy, tmp_path: Path) -> None:
    write_mobile_files(taxonomy, tmp_path)

    records = json.loads((tmp_path / "taxonomy.json").read_text())

    assert [list(record) for record in records] == [HEADER.split(",")] * 10
    assert records[0] == {
        "parent_taxon_id": None,
        "taxon_id": 1,
        "rank_level": 70,
        "leaf_class_id": None,
        "geo_threshold": None,
        "name": "Animalia",
    }
    assert records[6]["rank_level"] == 33.5
    assert ".0" not in (tmp_path / "taxonomy.json").read_text()


def test_labels_are_in_class_order(taxonomy: Taxonomy, tmp_path: Path) -> None:
    write_mobile_files(taxonomy, tmp_path)

    assert read_labels(tmp_path / "labels.txt") == [
        "Strix varia",
        "Quercus alba",
        "Strix aluco",
        "Quercus robur",
        "Strigina",
    ]


def test_both_apps_read_the_same_tree(taxonomy: Taxonomy, tmp_path: Path) -> None:
    write_mobile_files(taxonomy, tmp_path)

    android = read_android_taxonomy(tmp_path / "taxonomy.csv")

    assert android == read_ios_taxonomy(tmp_path / "taxonomy.json")
    assert [taxon.taxon_id for taxon in android] == taxonomy.taxon_ids.tolist()


def test_pandas_ids_and_a_life_parent_leave_no_trace(tmp_path: Path) -> None:
    source = tmp_path / "source.csv"
    source.write_text(
        TAXONOMY_CSV.replace(",1,70,,", "48460,1.0,70.0,,").replace("101,10,2", "101,10.0,2.0")
    )
    write_mobile_files(read_taxonomy(source), tmp_path)

    assert read_android_taxonomy(tmp_path / "taxonomy.csv")[0].parent_taxon_id is None
    assert "48460" not in (tmp_path / "taxonomy.csv").read_text()


def test_names_beyond_ascii(tmp_path: Path) -> None:
    source = tmp_path / "source.csv"
    source.write_text(TAXONOMY_CSV.replace("Strix aluco", "Strix ålūco 'x\""), encoding="utf-8")
    write_mobile_files(read_taxonomy(source), tmp_path)

    assert read_android_taxonomy(tmp_path / "taxonomy.csv")[4].name == "Strix ålūco 'x\""
    assert read_ios_taxonomy(tmp_path / "taxonomy.json")[4].name == "Strix ålūco 'x\""
    assert read_labels(tmp_path / "labels.txt")[2] == "Strix ålūco 'x\""


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ",1.0,70,0,,A",
            "row 2, column taxon_id: is not a whole number in plain digits. Received: '1.0'",
        ),
        (",1,70,0.0,,A", "leaf_class_id: is not a whole number in plain digits. Received: '0.0'"),
        (",1,genus,0,,A", "rank_level: is not a number. Received: 'genus'"),
        (",1,70,0,,", "name: is empty"),
        ("9,1,70,0,,A", "parent_taxon_id: 9 has no row: the app crashes"),
        (",1,70,,,A", "leaf_class_id: must stand on every childless taxon and on no other"),
        (",1,70,0,,A\n1,2,10,1,,B", "must stand on every childless taxon and on no other"),
        (",48460,100,0,,Life", "taxon_id: is Life, which the app adds itself"),
        (",1,70,1,,A", "must run from 0 to 0 without a gap"),
        (",01,70,0,,A", "column taxon_id: is not a whole number in plain digits. Received: '01'"),
        (",１,70,0,,A", "taxon_id: is not a whole number in plain digits. Received: '１'"),
        (",+1,70,0,,A", "taxon_id: is not a whole number in plain digits. Received: '\\+1'"),
        (",1,70,0,,A\n 1,2,10,1,,B", "parent_taxon_id: is not a whole number in plain digits"),
        (",1,70,00,,A", "leaf_class_id: is not a whole number in plain digits. Received: '00'"),
        (",0,70,0,,A", "taxon_id: is not 1..2147483647. Received: 0"),
        (",2147483648,70,0,,A", "taxon_id: is not 1..2147483647. Received: 2147483648"),
        ("0,1,70,0,,A", "parent_taxon_id: is not 1..2147483647. Received: 0"),
        (",1,7_0,0,,A", "rank_level: is not a number. Received: '7_0'"),
        (",1,nan,0,,A", "rank_level: is not a number. Received: 'nan'"),
        (",1,70,0, 0.5,A", "geo_threshold: is not 0..1. Received: ' 0.5'"),
        (",1,70,0,,A\n,1,70,1,,B", "row 3, column taxon_id: 1 stands on row 2: the app keeps one"),
        (",1,70,0,,A\n", "row 3: is empty: the app crashes"),
        ("\n,1,70,0,,A", "row 2: is empty: the app crashes"),
        (",1,70,0,,A\rB", "file: has a carriage return alone, at which the app ends a line"),
    ],
)
def test_reader_is_as_strict_as_the_apps(tmp_path: Path, rows: str, message: str) -> None:
    path = tmp_path / "taxonomy.csv"
    path.write_bytes(f"{HEADER}\n{rows}\n".encode())

    with pytest.raises(DataError, match=message):
        read_android_taxonomy(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (f"\ufeff{HEADER}", "row 1: begins with a byte order mark"),
        (
            HEADER.replace(",", ", "),
            "row 1: has blanks around a name. Received: 'parent_taxon_id, ",
        ),
    ],
)
def test_the_header_is_taken_letter_by_letter(tmp_path: Path, header: str, message: str) -> None:
    path = tmp_path / "taxonomy.csv"
    path.write_text(f"{header}\n,1,70,0,,A\n")

    with pytest.raises(DataError, match=message):
        read_android_taxonomy(path)


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.csv"
    path.write_bytes(f"{HEADER}\r\n,1,70,0,1e-05,A\r\n".encode())

    (taxon,) = read_android_taxonomy(path)

    assert (taxon.name, taxon.geo_threshold) == ("A", 1e-05)


def record(without: str = "", **cells: Any) -> str:
    """The file of one taxon, sound but for what is said."""
    sound = dict.fromkeys(HEADER.split(","), None)
    sound |= {"taxon_id": 1, "rank_level": 70, "leaf_class_id": 0, "name": "A", **cells}
    return json.dumps([{key: value for key, value in sound.items() if key != without}])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ('{"taxon_id": 1}', "is not an array of objects"),
        (record(taxon_id="1"), "taxon_id: is not a whole number in plain digits. Received: '1'"),
        (record(taxon_id=1.0), "taxon_id: is not a whole number in plain digits. Received: 1.0"),
        (record(taxon_id=True), "taxon_id: is not a whole number in plain digits. Received: True"),
        (record(taxon_id=0), "taxon_id: is not 1..2147483647. Received: 0"),
        (record(leaf_class_id=-1), "leaf_class_id: is not 0..2147483647. Received: -1"),
        (record(rank_level=float("inf")), "cannot be read as JSON: Infinity is no JSON"),
        (record(rank_level="70"), "rank_level: is not a number. Received: '70'"),
        (record().replace("70", "1e999"), "rank_level: is not a number. Received: inf"),
        (record("parent_taxon_id"), "row 1, column parent_taxon_id: is missing: the app crashes"),
        (record("leaf_class_id"), "row 1, column leaf_class_id: is missing: the app crashes"),
        (record("name"), "row 1, column name: is missing: the app crashes"),
        ("\ufeff" + record(), "cannot be read as JSON"),
        (
            f"[{record()[1:-1]}, {record()[1:-1]}]",
            "row 2, column taxon_id: 1 stands on row 1: the app keeps one",
        ),
    ],
)
def test_ios_reader_is_strict(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "taxonomy.json"
    path.write_text(text)

    with pytest.raises(DataError, match=message):
        read_ios_taxonomy(path)


def test_ios_needs_every_key_but_the_threshold(tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.json"
    path.write_text(record("geo_threshold"))

    assert read_ios_taxonomy(path)[0].geo_threshold is None


def test_labels_faults(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    with pytest.raises(DataError, match=r"labels\.txt: cannot be read: No such file"):
        read_labels(path)
    path.write_bytes("Å\n".encode("latin1"))
    with pytest.raises(DataError, match=r"labels\.txt: is not UTF-8\."):
        read_labels(path)
    path.write_text("A\n\nB\n")
    with pytest.raises(DataError, match=r"labels\.txt, row 2: is empty"):
        read_labels(path)
