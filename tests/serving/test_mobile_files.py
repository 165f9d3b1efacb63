from __future__ import annotations

import json
from pathlib import Path

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
        (",1.0,70,0,,A", "row 2, column taxon_id|taxon_id: is not a whole number without fraction"),
        (",1,70,0.0,,A", "leaf_class_id: is not a whole number without fraction. Received: '0.0'"),
        (",1,genus,0,,A", "rank_level: is not a number. Received: 'genus'"),
        (",1,70,0,,", "name: is empty"),
        ("9,1,70,0,,A", "parent_taxon_id: 9 has no row: the app crashes"),
        (",1,70,,,A", "leaf_class_id: must stand on every childless taxon and on no other"),
        (",1,70,0,,A\n1,2,10,1,,B", "must stand on every childless taxon and on no other"),
        (",48460,100,0,,Life", "taxon_id: is Life, which the app adds itself"),
        (",1,70,1,,A", "must run from 0 to 0 without a gap"),
    ],
)
def test_reader_is_as_strict_as_the_apps(tmp_path: Path, rows: str, message: str) -> None:
    path = tmp_path / "taxonomy.csv"
    path.write_text(f"{HEADER}\n{rows}\n")

    with pytest.raises(DataError, match=message):
        read_android_taxonomy(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ('{"taxon_id": 1}', "is not an array of objects"),
        (
            '[{"taxon_id": "1", "rank_level": 70, "leaf_class_id": 0, "name": "A"}]',
            "taxon_id: is not a whole number without fraction. Received: '1'",
        ),
        (
            '[{"taxon_id": 1.0, "rank_level": 70, "leaf_class_id": 0, "name": "A"}]',
            "taxon_id: is not a whole number without fraction. Received: 1.0",
        ),
    ],
)
def test_ios_reader_is_strict(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "taxonomy.json"
    path.write_text(text)

    with pytest.raises(DataError, match=message):
        read_ios_taxonomy(path)


def test_labels_faults(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    with pytest.raises(DataError, match=r"labels\.txt: cannot be read: No such file"):
        read_labels(path)
    path.write_text("A\n\nB\n")
    with pytest.raises(DataError, match=r"labels\.txt, row 2: is empty"):
        read_labels(path)
