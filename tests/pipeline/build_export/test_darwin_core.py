from __future__ import annotations

import csv
import shutil
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.build_export.darwin_core import DarwinCoreArchive
from pipeline.build_export.darwin_core_licenses import license_of
from schemas.errors import ConfigError, DataError

OBSERVATION = {
    "id": "38",
    "taxonID": "47993",
    "scientificName": "Ophion luteus",
    "taxonRank": "species",
    "kingdom": "Animalia",
    "phylum": "Arthropoda",
    "class": "Insecta",
    "order": "Hymenoptera",
    "family": "Ichneumonidae",
    "genus": "Ophion",
    "eventDate": "2008-03-17T12:00:00-07:00",
    "decimalLatitude": "37.9",
    "decimalLongitude": "-122.3",
    "coordinateUncertaintyInMeters": "28329",
    "captive": "wild",
    "license": "http://creativecommons.org/publicdomain/zero/1.0/",
    "rightsHolder": "Ken-ichi Ueda",
    "inaturalistLogin": "kueda",
}
MEDIA = {
    "id": "38",
    "type": "StillImage",
    "format": "image/jpeg",
    "identifier": "https://x/photos/62/original.jpeg",
    "license": "http://creativecommons.org/licenses/by-nc/4.0/",
    "rightsHolder": "Ken-ichi, Ueda",
    "catalogNumber": "62",
}


def table(path: Path, base: dict[str, str], rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, base)
        writer.writeheader()
        writer.writerows({**base, **row} for row in rows)


def archive(
    folder: Path,
    observations: list[dict[str, str]] | None = None,
    media: list[dict[str, str]] | None = None,
) -> Path:
    folder.mkdir(exist_ok=True)
    table(folder / "observations.csv", OBSERVATION, [{}] if observations is None else observations)
    table(folder / "media.csv", MEDIA, [{}] if media is None else media)
    return folder


def candidates(source: DarwinCoreArchive, columns: str) -> list[tuple[Any, ...]]:
    connection = duckdb.connect()
    source.create_views(connection)
    source.check(connection)
    rows: list[tuple[Any, ...]] = connection.execute(
        f"SELECT {columns} FROM candidate ORDER BY photo_id"
    ).fetchall()
    return rows


ALL = (
    "photo_id, observation_id, observer, taxon_id, quality_grade, latitude, longitude, "
    "positional_accuracy, observed_on::VARCHAR, position, extension, photo_url, license, "
    "rights_holder, captive"
)
ROW = (
    62, 38, "kueda", 47993, "research", 37.9, -122.3, 28329, "2008-03-17", 0, "jpeg",
    "https://x/photos/62/medium.jpeg", "CC-BY-NC", "Ken-ichi, Ueda", False,
)  # fmt: skip


def test_directory_and_zip_give_the_same_photos(tmp_path: Path) -> None:
    folder = archive(tmp_path / "dwca")
    zipped = Path(shutil.make_archive(str(tmp_path / "inat-dwca"), "zip", folder))
    assert candidates(DarwinCoreArchive(folder), ALL) == [ROW]
    assert candidates(DarwinCoreArchive(zipped), ALL) == [ROW]
    assert DarwinCoreArchive(zipped).files == (zipped,)


def test_photos_of_an_observation_are_counted_in_order_and_sounds_left_out(tmp_path: Path) -> None:
    photos = [
        {"identifier": "https://x/photos/70/original.jpg"},
        {"identifier": "https://x/sounds/1.mp3", "type": "Sound", "format": "audio/mpeg"},
        {"identifier": "https://x/photos/65/original.png"},
    ]
    found = candidates(
        DarwinCoreArchive(archive(tmp_path / "a", media=photos)), "photo_id, position, extension"
    )
    assert found == [(65, 1, "png"), (70, 0, "jpg")]


def test_meta_xml_says_which_files_and_columns(tmp_path: Path) -> None:
    folder = tmp_path / "gbif"
    folder.mkdir()
    (folder / "occurrence.txt").write_text(
        "key\ttaxon\tname\trank\tlicense\n38\thttps://x/taxa/47993\tOphion luteus\tSPECIES\tx\n"
    )
    (folder / "multimedia.txt").write_text(
        'key\turl\tlicense\n38\thttps://x/photos/62/original.jpg\tCC"0\n'
    )
    term = "http://rs.tdwg.org/dwc/terms"
    (folder / "meta.xml").write_text(
        f"""<archive xmlns="http://rs.tdwg.org/dwc/text/">
        <core rowType="{term}/Occurrence" fieldsTerminatedBy="\\t" fieldsEnclosedBy=""
              ignoreHeaderLines="1">
          <files><location>occurrence.txt</location></files><id index="0"/>
          <field index="1" term="{term}/taxonID"/><field index="2" term="{term}/scientificName"/>
          <field index="3" term="{term}/taxonRank"/>
          <field index="4" term="http://purl.org/dc/terms/license"/>
        </core>
        <extension rowType="http://rs.gbif.org/terms/1.0/Multimedia" fieldsTerminatedBy="\\t"
                   fieldsEnclosedBy="" ignoreHeaderLines="1">
          <files><location>multimedia.txt</location></files><coreid index="0"/>
          <field index="1" term="http://purl.org/dc/terms/identifier"/>
          <field index="2" term="http://purl.org/dc/terms/license"/>
        </extension></archive>"""
    )
    found = candidates(DarwinCoreArchive(folder), "photo_id, observation_id, taxon_id, license")
    assert found == [(62, 38, 47993, 'CC"0')]


def test_tree_comes_from_the_names_and_keeps_known_numbers(tmp_path: Path) -> None:
    rows = [
        {},
        {"id": "39", "taxonID": "52784", "scientificName": "Ophion", "taxonRank": "genus"},
        {"id": "40", "taxonID": "99", "scientificName": "Ophion luteus alpha",
         "taxonRank": "subspecies"},
    ]  # fmt: skip
    taxa = DarwinCoreArchive(archive(tmp_path / "a", rows)).taxa(duckdb.connect())
    parent = dict(zip(taxa.taxon_ids.tolist(), taxa.parent_ids.tolist(), strict=True))
    assert parent[99] == 47993
    assert parent[47993] == 52784
    assert {1, 47158} <= set(parent)
    ranks = dict(zip(taxa.names, taxa.ranks, strict=True))
    assert ranks["Ichneumonidae"] == "family"


def test_faults_of_both_tables_name_row_and_column(tmp_path: Path) -> None:
    folder = archive(
        tmp_path / "a",
        [{"taxonRank": "specie"}, {"id": "y"}, {"decimalLongitude": "200"}, {"captive": "no"}],
    )
    with pytest.raises(DataError) as error:
        candidates(DarwinCoreArchive(folder), "photo_id")
    assert str(error.value) == (
        f"{folder / 'observations.csv'}: 4 faults:\n"
        "  row 2, column taxonRank: is none of iNaturalist's. Received: 'specie'. "
        "Did you mean 'species'?\n"
        "  row 3, column id: is not a positive integer. Received: 'y'.\n"
        "  row 4, column decimalLongitude: is not a number in -180..180. Received: '200'.\n"
        "  row 5, column captive: is neither wild nor captive nor empty. Received: 'no'.\n"
        " Correct the rows, or export the archive again."
    )
    media = archive(tmp_path / "b", media=[{"identifier": "https://x/62.jpg", "catalogNumber": ""}])
    with pytest.raises(DataError, match=r"media\.csv: 1 fault:\n  row 2, column identifier: is no"):
        candidates(DarwinCoreArchive(media), "photo_id")


def test_observation_on_two_rows_is_a_fault(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a", [{}, {}])
    with pytest.raises(DataError, match=r"row 3, column id: 38 stands on row 2 too\."):
        candidates(DarwinCoreArchive(folder), "photo_id")


def test_faults_of_both_tables_are_told_together(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a", [{"captive": "no"}], [{}, {"id": "39"}])
    with pytest.raises(DataError) as error:
        candidates(DarwinCoreArchive(folder), "photo_id")
    assert str(error.value) == (
        f"{folder}: 2 tables have faults.\n"
        f"{folder / 'observations.csv'}: 1 fault:\n"
        "  row 2, column captive: is neither wild nor captive nor empty. Received: 'no'.\n"
        f"{folder / 'media.csv'}: 1 fault:\n"
        "  row 3, column id: 39 is no observation of observations.csv.\n"
        " Correct the rows, or export the archive again."
    )


def test_quality_is_research_unless_the_archive_says_otherwise(tmp_path: Path) -> None:
    said = [
        {"id": "1", "datasetName": "iNaturalist research-grade observations"},
        {"id": "2", "datasetName": "iNaturalist observations"},
        {"id": "3", "identificationVerificationStatus": "casual"},
        {"id": "4"},
    ]
    base = {**OBSERVATION, "datasetName": "", "identificationVerificationStatus": ""}
    folder = archive(tmp_path / "a", media=[photo(number) for number in range(1, 5)])
    table(folder / "observations.csv", base, said)
    found = candidates(DarwinCoreArchive(folder), "quality_grade")
    assert [grade for (grade,) in found] == ["research", "needs_id", "casual", "research"]


def photo(observation_id: int, **cells: str) -> dict[str, str]:
    address = f"https://x/photos/{observation_id}/original.jpg"
    return {"id": str(observation_id), "identifier": address, **cells}


@pytest.mark.parametrize(
    ("written", "observed_on"),
    [
        ("2008-03-17", "2008-03-17"),
        ("2008-03-17T12:00:00Z", "2008-03-17"),
        ("2008-03", None),
        ("2008", None),
        ("2008-03-17/2008-03-19", None),
        ("", None),
    ],
)
def test_date_that_is_no_day_is_unknown(
    written: str, observed_on: str | None, tmp_path: Path
) -> None:
    folder = archive(tmp_path / "a", [{"eventDate": written}])
    assert candidates(DarwinCoreArchive(folder), "observed_on::VARCHAR") == [(observed_on,)]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("http://creativecommons.org/licenses/by-nc-sa/4.0/", "CC-BY-NC-SA"),
        ("https://creativecommons.org/publicdomain/zero/1.0/legalcode", "CC0"),
        ("http://en.wikipedia.org/wiki/Public_domain", "PD"),
        ("http://en.wikipedia.org/wiki/Copyright", None),
        ("© Ana, all rights reserved", None),
        ("CC_BY_NC_4_0", "CC-BY-NC"),
        ("CC0_1_0", "CC0"),
        ("CC-BY", "CC-BY"),
        ("", None),
    ],
)
def test_licenses_become_codes(written: str, code: str | None) -> None:
    assert license_of(written) == code


def test_license_of_the_observation_counts_where_photos_have_no_column(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a")
    without = {name: cell for name, cell in MEDIA.items() if name != "license"}
    table(folder / "media.csv", without, [{}])
    assert candidates(DarwinCoreArchive(folder), "license") == [("CC0",)]
    table(folder / "media.csv", MEDIA, [{"license": ""}])
    assert candidates(DarwinCoreArchive(folder), "license") == [(None,)]


def test_photo_of_another_site_has_its_number_in_catalog_number(tmp_path: Path) -> None:
    other = {"identifier": "https://farm1.staticflickr.com/2/3_4_o.png?zz=1", "catalogNumber": "7"}
    removed = {
        "identifier": "https://www.inaturalist.org/assets/copyright-infringement-original.png"
    }
    folder = archive(tmp_path / "a", media=[other, removed])
    assert candidates(DarwinCoreArchive(folder), "photo_id, extension, photo_url") == [
        (7, "png", "https://farm1.staticflickr.com/2/3_4_o.png?zz=1")
    ]


def test_download_from_gbif_gives_inaturalists_numbers_and_names(tmp_path: Path) -> None:
    base = {**OBSERVATION, "occurrenceID": "", "verbatimScientificName": ""}
    folder = archive(tmp_path / "a", media=[{"id": "891781381"}])
    table(
        folder / "observations.csv",
        base,
        [{"id": "891781381", "occurrenceID": "https://www.inaturalist.org/observations/38",
          "scientificName": "Ophion luteus (Linnaeus, 1758)", "taxonRank": "SPECIES",
          "verbatimScientificName": "Ophion luteus"}],
    )  # fmt: skip
    source = DarwinCoreArchive(folder)
    assert candidates(source, "observation_key, observation_id") == [(38, 38)]
    assert "Ophion luteus" in source.taxa(duckdb.connect()).names


def test_older_archives_say_captive_as_establishment_means(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a", media=[photo(1), photo(2), photo(3)])
    base = {name: cell for name, cell in OBSERVATION.items() if name != "captive"}
    means = [("1", "cultivated"), ("2", "wild"), ("3", "native")]
    table(
        folder / "observations.csv",
        {**base, "establishmentMeans": ""},
        [{"id": number, "establishmentMeans": word} for number, word in means],
    )
    found = candidates(DarwinCoreArchive(folder), "captive")
    assert found == [(True,), (False,), (None,)]


def test_zip_may_hold_a_folder_and_what_macos_adds(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a")
    zipped = tmp_path / "dwca.zip"
    with zipfile.ZipFile(zipped, "w") as opened:
        opened.writestr("__MACOSX/._observations.csv", "x")
        for name in ("observations.csv", "media.csv"):
            opened.write(folder / name, f"my-archive/{name}")
    assert candidates(DarwinCoreArchive(zipped), ALL) == [ROW]


def test_taxon_that_the_given_table_lacks_is_placed_by_its_names(tmp_path: Path) -> None:
    taxa = tmp_path / "taxa.csv"
    taxa.write_text("id,parent_id,name,rank\n1,48460,Animalia,kingdom\n5,1,Ichneumonidae,family\n")
    source = DarwinCoreArchive(archive(tmp_path / "a"), taxa)
    table = source.taxa(duckdb.connect())
    parent = dict(zip(table.taxon_ids.tolist(), table.parent_ids.tolist(), strict=True))
    name = dict(zip(table.taxon_ids.tolist(), table.names, strict=True))
    genus = parent[47993]
    assert (name[47993], name[genus], parent[genus]) == ("Ophion luteus", "Ophion", 5)
    assert source.files[-1] == taxa


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        ('fieldsTerminatedBy="::"', r"has a meta\.xml that parts cells by '::', quoted by '\"'\."),
        ('ignoreHeaderLines="one"', r"has a meta\.xml that numbers columns or lines by what is no"),
    ],
)
def test_meta_xml_that_cannot_be_followed_is_refused(
    attribute: str, text: str, tmp_path: Path
) -> None:
    folder = archive(tmp_path / "a")
    tables = "".join(
        f"<{kind} rowType='http://rs.gbif.org/terms/1.0/Multimedia' {attribute}>"
        f"<files><location>{file}</location></files></{kind}>"
        for kind, file in (("core", "observations.csv"), ("extension", "media.csv"))
    )
    (folder / "meta.xml").write_text(
        f'<archive xmlns="http://rs.tdwg.org/dwc/text/">{tables}</archive>'
    )
    with pytest.raises(DataError, match=text):
        DarwinCoreArchive(folder)


def test_archive_without_photos_is_refused(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a")
    (folder / "media.csv").unlink()
    with pytest.raises(DataError) as error:
        DarwinCoreArchive(folder)
    assert str(error.value) == (
        f"{folder}: has no media.csv, the table that says where its photos are. Found: "
        "observations.csv. Give the whole archive, with observations.csv, media.csv and, if "
        "there, meta.xml."
    )
    with pytest.raises(ConfigError, match=r"is no zip\. Expected a \.zip, or a directory"):
        DarwinCoreArchive(folder / "observations.csv")
    (folder / "meta.xml").write_text("<archive")
    with pytest.raises(DataError, match=r"has a meta\.xml that cannot be read: "):
        DarwinCoreArchive(folder)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a")
    (folder / "media.csv").write_text("id,type\n38,StillImage\n")
    with pytest.raises(DataError, match=r"lacks the column identifier\. Received: id,type\."):
        DarwinCoreArchive(folder)


def test_damaged_zip_is_one_error(tmp_path: Path) -> None:
    whole = Path(shutil.make_archive(str(tmp_path / "x"), "zip", archive(tmp_path / "a")))
    with zipfile.ZipFile(whole) as opened:
        start = opened.getinfo("media.csv").header_offset
    data = bytearray(whole.read_bytes())
    data[start : start + 4] = b"\0\0\0\0"
    whole.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"media\.csv: cannot be read: .* download the file again"):
        DarwinCoreArchive(whole)


def test_real_rows_are_read(shared_data: Path, tmp_path: Path) -> None:
    real = shared_data / "metadata" / "observations" / "observations_dwca.csv"
    shutil.copy(real, tmp_path / "observations.csv")
    with real.open(newline="", encoding="utf-8") as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    media = [
        {"id": number, "identifier": f"https://x/photos/{place}/original.jpg"}
        for place, number in enumerate(ids, start=1)
    ]
    table(tmp_path / "media.csv", MEDIA, media)
    source = DarwinCoreArchive(tmp_path)
    rows = candidates(source, "taxon_id, observed_on, observer")
    assert len(rows) == 50
    assert all(taxon_id and observed_on and observer for taxon_id, observed_on, observer in rows)
    taxa = source.taxa(duckdb.connect())
    assert {taxon_id for taxon_id, _, _ in rows} <= set(taxa.taxon_ids.tolist())
