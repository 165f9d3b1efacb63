from __future__ import annotations

import csv
import gzip
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.build_export.build import build_export
from pipeline.build_export.csv_records import Part, read_records
from pipeline.build_export.observations_csv import ObservationsCsv
from pipeline.build_export.settings import SelectionSettings
from schemas.csv_rows import Problems
from schemas.errors import ConfigError, DataError

ROW = {
    "id": "30790051",
    "observed_on": "2019-08-13",
    "user_login": "jkcook",
    "user_name": "J. K. Cook",
    "quality_grade": "research",
    "license": "CC-BY-NC",
    "image_url": "https://x/photos/48124507/medium.jpeg?1565748927",
    "description": 'By a pond,\nsaid "look"',
    "captive_cultivated": "false",
    "latitude": "41.6",
    "longitude": "-93.7",
    "positional_accuracy": "77",
    "scientific_name": "Calopteryx maculata",
    "iconic_taxon_name": "Insecta",
    "taxon_id": "84481",
}


def write(path: Path, *rows: dict[str, str], columns: Sequence[str] = tuple(ROW)) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({**ROW, **row} for row in rows)
    return path


def candidates(source: ObservationsCsv, *columns: str) -> list[tuple[Any, ...]]:
    connection = duckdb.connect()
    source.create_views(connection)
    source.check(connection)
    names = ", ".join(columns)
    rows: list[tuple[Any, ...]] = connection.execute(
        f"SELECT {names} FROM candidate ORDER BY photo_id"
    ).fetchall()
    return rows


def test_row_becomes_a_candidate(tmp_path: Path) -> None:
    source = ObservationsCsv(write(tmp_path / "o.csv", {}))
    (row,) = candidates(
        source, "photo_id", "observation_key", "observation_id", "observer", "taxon_id",
        "quality_grade", "latitude", "longitude", "positional_accuracy", "observed_on::VARCHAR",
        "position", "extension", "photo_url", "license", "rights_holder", "captive",
    )  # fmt: skip
    assert row == (
        48124507, 30790051, 30790051, "jkcook", 84481, "research", 41.6, -93.7, 77, "2019-08-13",
        0, "jpeg", "https://x/photos/48124507/medium.jpeg", "CC-BY-NC", "J. K. Cook", False,
    )  # fmt: skip


def test_columns_are_read_by_name_in_any_subset_and_order(tmp_path: Path) -> None:
    columns = ("image_url", "scientific_name", "quality_grade", "id")
    source = ObservationsCsv(write(tmp_path / "o.csv", {}, columns=columns))
    (row,) = candidates(
        source, "photo_id", "taxon_id", "license", "latitude", "observed_on", "observer", "captive"
    )
    assert row[0] == 48124507
    assert 2_000_000_000 <= row[1] < 2**31
    assert row[2:] == (None,) * 5


def test_byte_order_mark_crlf_and_pandas_ids_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "o.csv", {"id": "123.0", "taxon_id": "84481.0"})
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert candidates(ObservationsCsv(path), "observation_id", "taxon_id") == [(123, 84481)]


def test_observation_without_photo_or_name_is_no_fault(tmp_path: Path) -> None:
    unknown = {"scientific_name": "", "taxon_id": "", "id": "2"}
    path = write(tmp_path / "o.csv", {"image_url": ""}, unknown)
    assert candidates(ObservationsCsv(path), "observation_id", "taxon_id") == [(2, None)]


def test_zip_and_directory_of_parts_that_overlap(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    other = {"id": "2", "image_url": "https://x/photos/2/square.JPG"}
    first = write(folder / "observations-1.csv", {}, other)
    with zipfile.ZipFile(folder / "observations-2.csv.zip", "w") as archive:
        archive.write(first, "observations-2.csv")
    first.write_text("\n".join(first.read_text().splitlines()[:3]) + "\n")
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    source = ObservationsCsv(folder)
    assert [path.name for path in source.files] == ["observations-1.csv", "observations-2.csv.zip"]
    assert candidates(source, "photo_id", "extension") == [(2, "JPG"), (48124507, "jpeg")]


def test_faults_name_the_line_that_the_record_starts_on(tmp_path: Path) -> None:
    path = write(
        tmp_path / "o.csv",
        {},  # its description takes lines 2 and 3
        {"id": "x"},
        {"latitude": "91"},
        {"observed_on": "yesterday", "description": ""},
        {"image_url": "https://x/nothing.jpg", "description": ""},
        {"quality_grade": "good", "description": ""},
        {"captive_cultivated": "maybe", "description": ""},
    )
    with pytest.raises(DataError) as error:
        candidates(ObservationsCsv(path), "photo_id")
    assert str(error.value) == (
        f"{path}: 6 faults:\n"
        "  row 4, column id: is not a positive integer. Received: 'x'.\n"
        "  row 6, column latitude: is not a number in -90..90. Received: '91'.\n"
        "  row 8, column observed_on: is not a date such as 2024-05-31. Received: 'yesterday'.\n"
        "  row 9, column image_url: is no address such as .../photos/<id>/medium.jpg. "
        "Received: 'https://x/nothing.jpg'.\n"
        "  row 10, column quality_grade: must be one of research, needs_id, casual. "
        "Received: 'good'.\n"
        "  row 11, column captive_cultivated: is neither true nor false nor empty. "
        "Received: 'maybe'.\n"
        " Correct the rows, or export the observations again."
    )


def test_first_faults_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "o.csv", *({"id": f"x{n}", "description": ""} for n in range(30)))
    with pytest.raises(DataError, match=r"30 faults:\n(.*\n){20}  \.\.\. and 10 more\."):
        candidates(ObservationsCsv(path), "photo_id")


def test_missing_columns_are_named_with_the_way_to_get_them(tmp_path: Path) -> None:
    path = write(tmp_path / "o.csv", {}, columns=("id", "image_url", "taxon_id"))
    with pytest.raises(DataError) as error:
        ObservationsCsv(path)
    assert str(error.value) == (
        f"{path}, row 1: lacks the columns quality_grade, scientific_name. Received: "
        "id,image_url,taxon_id. Tick them under 'Choose columns' on iNaturalist's export page; "
        "export again."
    )


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not exist\. Expected a \.csv, a \.csv\.zip"):
        ObservationsCsv(tmp_path / "gone.csv")
    (tmp_path / "a.csv").write_text("x,y\n")
    with pytest.raises(ConfigError, match=r"none with a column image_url\. Found: a\.csv\."):
        ObservationsCsv(tmp_path)


def test_taxon_id_suffices_with_a_table_of_taxa(tmp_path: Path) -> None:
    taxa = tmp_path / "taxa.csv"
    taxa.write_text("id,parent_id,name,rank\n1,48460,Animalia,kingdom\n84481,1,Calo,species\n")
    columns = ("id", "image_url", "quality_grade", "taxon_id")
    path = write(tmp_path / "o.csv", {}, columns=columns)
    assert candidates(ObservationsCsv(path, taxa), "taxon_id") == [(84481,)]
    write(path, {"taxon_id": "5"}, {"taxon_id": "4"}, columns=columns)
    with pytest.raises(DataError) as error:
        ObservationsCsv(path, taxa).taxa(duckdb.connect())
    assert str(error.value) == (
        f"{taxa}: lacks 2 taxa of the observations, 4, 5. Take a newer table of taxa, or export "
        "the observations with the column scientific_name, by which such taxa are placed."
    )


def test_row_that_the_table_of_taxa_lacks_is_placed_by_its_name(tmp_path: Path) -> None:
    taxa = tmp_path / "taxa.csv"
    taxa.write_text(
        "id,parent_id,name,rank\n1,48460,Animalia,kingdom\n47158,1,Insecta,class\n"
        "47955,47158,Calopteryx,genus\n"
        "47126,48460,Plantae,kingdom\n3,47126,Calopteryx,genus\n9,47955,Calopteryx new,species\n"
    )
    path = write(
        tmp_path / "o.csv",
        {},
        {"id": "2", "scientific_name": "Calopteryx new", "taxon_id": "123"},
        {"id": "3", "scientific_name": "Odonata", "taxon_id": ""},
    )
    source = ObservationsCsv(path, taxa)
    table = source.taxa(duckdb.connect())
    parent = dict(zip(table.taxon_ids.tolist(), table.parent_ids.tolist(), strict=True))
    assert parent[84481] == 47955  # of the two genera, the one among insects
    ids = dict(candidates(source, "observation_id", "taxon_id"))
    assert ids[2] == 9  # the table's taxon of that name
    assert ids[3] >= 2_000_000_000
    assert parent[ids[3]] == 47158


def test_life_and_iconic_taxa_have_their_own_ranks(tmp_path: Path) -> None:
    path = write(
        tmp_path / "o.csv",
        {"scientific_name": "Life", "taxon_id": "48460", "iconic_taxon_name": ""},
        {"id": "2", "scientific_name": "Insecta", "taxon_id": "47158"},
    )
    table = ObservationsCsv(path).taxa(duckdb.connect())
    assert dict(zip(table.taxon_ids.tolist(), table.ranks, strict=True)) == {
        1: "kingdom", 47158: "class", 48460: "stateofmatter",
    }  # fmt: skip


def test_picture_in_place_of_a_removed_photo_is_no_photo(tmp_path: Path) -> None:
    removed = "https://www.inaturalist.org/assets/copyright-infringement-medium-9cb2.png"
    path = write(tmp_path / "o.csv", {"image_url": removed}, {"id": "2"})
    assert candidates(ObservationsCsv(path), "observation_id") == [(2,)]


def test_observation_on_several_rows_counts_once_by_its_first(tmp_path: Path) -> None:
    again = {"image_url": "https://x/photos/5/medium.jpg", "taxon_id": "1"}
    path = write(tmp_path / "o.csv", {}, again, {"user_login": ""})
    assert candidates(ObservationsCsv(path), "photo_id, taxon_id") == [(48124507, 84481)]


def test_accuracy_is_that_of_the_coordinates_given(tmp_path: Path) -> None:
    columns = (*ROW, "public_positional_accuracy", "user_id")
    obscured = {"public_positional_accuracy": "28329", "user_id": "7.0", "user_login": ""}
    path = write(tmp_path / "o.csv", obscured, columns=columns)
    found = candidates(ObservationsCsv(path), "positional_accuracy, observer")
    assert found == [(28329, "7")]


def test_zip_of_several_parts_and_of_what_macos_adds(tmp_path: Path) -> None:
    path = tmp_path / "observations.zip"
    other = {"id": "2", "image_url": "https://x/photos/2/square.png"}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__MACOSX/._a.csv", "x")
        archive.write(write(tmp_path / "a.csv", {}), "parts/a.csv")
        archive.write(write(tmp_path / "b.csv", other), "parts/b.csv")
    assert candidates(ObservationsCsv(path), "photo_id") == [(2,), (48124507,)]


def test_faults_of_all_parts_are_told_together(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.csv", {"id": name})
    with pytest.raises(DataError) as error:
        candidates(ObservationsCsv(tmp_path), "photo_id")
    assert str(error.value) == (
        f"{tmp_path}: 2 tables have faults.\n"
        f"{tmp_path}/a.csv: 1 fault:\n"
        "  row 2, column id: is not a positive integer. Received: 'a'.\n"
        f"{tmp_path}/b.csv: 1 fault:\n"
        "  row 2, column id: is not a positive integer. Received: 'b'.\n"
        " Correct the rows, or export the observations again."
    )


def test_damaged_zip_and_gzip_are_one_error(tmp_path: Path) -> None:
    plain = write(tmp_path / "o.csv", {})
    zipped, packed = tmp_path / "o.csv.zip", tmp_path / "o.csv.gz"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(plain, "o.csv")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    (tmp_path / "half.zip").write_bytes(zipped.read_bytes()[:80])
    with pytest.raises(DataError, match=r"half\.zip: cannot be read: File is not a zip file\."):
        ObservationsCsv(tmp_path / "half.zip")
    no_block = b"\x07"  # a type of block that there is not
    for path, first_block in ((zipped, 30 + len("o.csv")), (packed, 10)):
        data = path.read_bytes()
        path.write_bytes(data[:first_block] + no_block + data[first_block + 1 :])
        with pytest.raises(DataError, match=r"cannot be read: .* download the file again"):
            ObservationsCsv(path)


def test_quote_that_never_closes_is_one_error(tmp_path: Path) -> None:
    path = write(tmp_path / "o.csv", {}, {"description": ""})
    path.write_text(path.read_text() + '5,"never closed\n')
    with pytest.raises(DataError, match=r"row 5: cannot be parted into cells: unexpected end"):
        candidates(ObservationsCsv(path), "photo_id")


def test_file_in_another_encoding_names_the_row(tmp_path: Path) -> None:
    rows = [{"id": str(number), "description": ""} for number in range(1, 9)]
    path = write(tmp_path / "o.csv", *rows, {"user_name": "Jürgen"})
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin1"))
    with pytest.raises(DataError, match=r"row 10: is not UTF-8 \(byte 0xfc\)\. Convert the file"):
        candidates(ObservationsCsv(path), "photo_id")


def test_tree_comes_from_the_names_of_ranks(tmp_path: Path) -> None:
    ranks = {"taxon_kingdom_name": "Animalia", "taxon_family_name": "Calopterygidae"}
    genus = {"scientific_name": "Calopteryx", "taxon_id": "47955", "id": "2"}
    path = write(
        tmp_path / "o.csv",
        {**ranks, "taxon_genus_name": "Calopteryx", "taxon_species_name": "Calopteryx maculata"},
        {**ranks, **genus, "taxon_genus_name": "Calopteryx"},
        columns=(*ROW, *ranks, "taxon_genus_name", "taxon_species_name"),
    )
    table = ObservationsCsv(path).taxa(duckdb.connect())
    parent = dict(zip(table.taxon_ids.tolist(), table.parent_ids.tolist(), strict=True))
    name = dict(zip(table.taxon_ids.tolist(), table.names, strict=True))
    lineage = [84481]
    while parent[lineage[-1]]:
        lineage.append(parent[lineage[-1]])
    assert lineage[:2] == [84481, 47955]
    assert [name[taxon_id] for taxon_id in lineage] == [
        "Calopteryx maculata", "Calopteryx", "Calopterygidae", "Insecta", "Animalia",
    ]  # fmt: skip
    assert lineage[-2:] == [47158, 1]


def test_taxon_that_rows_place_in_two_ways_is_named_in_the_selection(tmp_path: Path) -> None:
    family, genus = "taxon_family_name", "taxon_genus_name"
    rows = [
        {
            "id": str(number),
            "image_url": f"https://x/photos/{number}/medium.jpg",
            "taxon_kingdom_name": "Animalia",
            genus: "Calopteryx",
            family: "Calopterygidae" if number < 5 else "Agriidae",
        }
        for number in range(1, 7)
    ]
    path = write(tmp_path / "o.csv", *rows, columns=(*ROW, "taxon_kingdom_name", family, genus))
    few = SelectionSettings(train_per_leaf=(1, 9), val_per_leaf=(1, 1), test_per_leaf=(1, 1))
    built = build_export(ObservationsCsv(path), tmp_path / "out", few)
    selection = json.loads((tmp_path / "out" / "selection.json").read_text())
    assert selection["moved_taxa"] == ["genus Calopteryx"]
    assert "1 taxa stand in two places of the tree" in built.words()
    assert "Agriidae" not in (tmp_path / "out" / "taxonomy.csv").read_text()


def test_table_of_taxa_goes_before_names(tmp_path: Path) -> None:
    taxa = tmp_path / "taxa.csv"
    taxa.write_text("id,parent_id,name,rank\n1,48460,Animalia,kingdom\n84481,1,Calo,species\n")
    source = ObservationsCsv(write(tmp_path / "o.csv", {}), taxa)
    assert source.files[-1] == taxa
    assert source.taxa(duckdb.connect()).names == ["Animalia", "Calo"]


def test_faulty_table_of_taxa_is_refused(tmp_path: Path) -> None:
    taxa = tmp_path / "taxa.csv"
    taxa.write_text(
        "id,parent_id,name,rank\n1,48460,A,kingdom\n2,9,B,genus\n2,1,C,genus\n3,1,D,specie\n"
        "4,5,E,genus\n5,4,F,family\n"
    )
    with pytest.raises(DataError) as error:
        ObservationsCsv(write(tmp_path / "o.csv", {}), taxa).taxa(duckdb.connect())
    assert str(error.value) == (
        f"{taxa}: 3 faults:\n"
        "  row 4, column id: 2 stands on row 3 already.\n"
        "  row 5, column rank: is none of iNaturalist's. Received: 'specie'. "
        "Did you mean 'species'?\n"
        "  row 6, column parent_id: taxon 4 is below itself or a loop.\n"
        " Correct the rows, or take Open Data's taxa.csv.gz."
    )


def test_real_export_is_read_whole(shared_data: Path) -> None:
    folder = shared_data / "metadata" / "observations"
    source = ObservationsCsv(folder / "observations_export.csv")
    rows = candidates(source, "photo_id", "taxon_id", "license")
    assert len(rows) == 47
    assert {license for _, _, license in rows} == {"CC-BY-NC"}
    assert len({taxon_id for _, taxon_id, _ in rows}) == 21
    real = ObservationsCsv(folder / "observations_export.csv", folder / "taxonomy.csv")
    table = real.taxa(duckdb.connect())
    # 17 of the taxa are not in the table; they hang in it all the same, with their genera.
    name = dict(zip(table.taxon_ids.tolist(), table.names, strict=True))
    parent = dict(zip(table.taxon_ids.tolist(), table.parent_ids.tolist(), strict=True))
    assert {taxon_id for _, taxon_id, _ in rows} <= set(name)
    assert name[parent[99897]] == "Enallagma"
    assert parent[parent[99897]] == parent[parent[84481]] == 47158


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=6), crlf=st.booleans())
def test_whatever_a_csv_writer_writes_is_read_back(
    rows: list[list[str]], crlf: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cells") / "x.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\r\n" if crlf else "\n", quoting=csv.QUOTE_ALL)
        writer.writerow(["a", "b", "c"])
        writer.writerows(rows)
    problems = Problems(path)
    read = [list(cells.values()) for _, cells in read_records(Part(path), problems)]
    problems.raise_if_any("")
    assert read == rows


@given(
    rows=st.lists(st.lists(st.sampled_from(["", "a", 'b"\n', "\n\nc,"]), min_size=2, max_size=2))
)
def test_row_is_the_line_that_its_record_starts_on(
    rows: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("lines") / "x.csv"
    starts, text = [], '"a","b"\n'
    for first, second in rows:
        starts.append(text.count("\n") + 1)
        cells = (cell.replace('"', '""') for cell in (first, second))
        text += ",".join(f'"{cell}"' for cell in cells) + "\n"
    path.write_text(text, encoding="utf-8")
    problems = Problems(path)
    assert [row for row, _ in read_records(Part(path), problems)] == starts
