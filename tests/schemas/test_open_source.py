from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from competition_sets import content, write_set

from schemas.errors import ConfigError, DataError
from schemas.open_source import detect_format, open_source

TAXONOMY = "parent_taxon_id,taxon_id,rank_level,leaf_class_id,name\n,1,70,0,Animalia\n"
SPLIT = "photo_id,photo_url,observation_id,leaf_class_id,taxon_id\n"
OPEN_DATA = "observation_uuid\tobserver_id\tlatitude\tlongitude\n"
SITE = 'id,"observed_on",image_url,description\n'


def vision(directory: Path) -> Path:
    for name, text in (("taxonomy", TAXONOMY), ("train_data", SPLIT), ("val_data", SPLIT)):
        (directory / f"{name}.csv").write_text(text, encoding="utf-8")
    return directory


def zipped(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_csv", ".csv").replace("_xml", ".xml"), text)
    return path


def test_a_vision_export(tmp_path: Path) -> None:
    assert detect_format(vision(tmp_path)) == "vision"
    assert open_source(tmp_path).description == "vision export, columns of 2022"


def test_a_competition_set_by_directory_and_by_file(tmp_path: Path) -> None:
    write_set(tmp_path, "2019")
    assert detect_format(tmp_path) == detect_format(tmp_path / "train2019.json") == "competition"
    assert open_source(tmp_path).format == "competition"
    assert open_source(str(tmp_path / "train2019.json"), "competition").format == "competition"


def test_a_json_of_another_kind_is_no_competition(tmp_path: Path) -> None:
    (tmp_path / "places.json").write_text('{"features": [], "images": 3}')
    with pytest.raises(DataError, match="is no export that Fieldmark knows"):
        detect_format(tmp_path)


@pytest.mark.parametrize("name", ["observations.csv", "observations.csv.gz"])
def test_tables_of_open_data(tmp_path: Path, name: str) -> None:
    packed = gzip.compress(OPEN_DATA.encode()) if name.endswith("gz") else OPEN_DATA.encode()
    (tmp_path / name).write_bytes(packed)
    (tmp_path / "photos.csv.gz").write_bytes(gzip.compress(b"photo_uuid\tphoto_id\n"))
    assert detect_format(tmp_path) == "open-data"


@pytest.mark.parametrize("name", ["inaturalist-open-data-20250127.tar.gz", "dump.tar.gz"])
def test_the_archive_of_open_data(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / name, "w:gz") as archive:
        info = tarfile.TarInfo("inaturalist-open-data-20250127/taxa.csv.gz")
        archive.addfile(info, io.BytesIO())
    assert detect_format(tmp_path) == detect_format(tmp_path / name) == "open-data"


@pytest.mark.parametrize("text", [SITE, "\ufeff" + SITE, SITE.replace("\n", "\r\n")])
def test_an_observations_csv(tmp_path: Path, text: str) -> None:
    path = tmp_path / "observations-512.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert detect_format(path) == detect_format(tmp_path) == "observations-csv"


def test_a_zipped_observations_csv(tmp_path: Path) -> None:
    path = zipped(tmp_path / "observations-512.csv.zip", observations_512_csv=SITE)
    assert detect_format(path) == detect_format(tmp_path) == "observations-csv"


def test_darwin_core(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "dwca.zip", observations_csv="id,taxonID\n", media_csv="id\n")
    assert detect_format(archive) == detect_format(tmp_path) == "darwin-core"
    assert detect_format(zipped(tmp_path / "b.zip", meta_xml="<archive/>")) == "darwin-core"
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    (unpacked / "observations.csv").write_text("id,taxonID\n")
    (unpacked / "media.csv").write_text("id,identifier\n")
    assert detect_format(unpacked) == "darwin-core"


def test_two_formats_in_one_directory_are_not_chosen_between(tmp_path: Path) -> None:
    write_set(vision(tmp_path), "2021")
    with pytest.raises(ConfigError) as caught:
        open_source(tmp_path)
    assert str(caught.value) == (
        f"'{tmp_path}' holds exports of several formats: vision, competition. Say which one is "
        "meant with the setting export.format, or give each a directory of its own."
    )
    assert open_source(tmp_path, "vision").format == "vision"
    assert open_source(tmp_path, "competition").format == "competition"


@pytest.mark.parametrize(
    ("format", "header", "option"),
    [("open-data", OPEN_DATA, "--open-data"), ("observations-csv", SITE, "--observations")],
)
def test_a_table_has_no_splits(tmp_path: Path, format: str, header: str, option: str) -> None:
    (tmp_path / "observations.csv").write_text(header)
    with pytest.raises(ConfigError) as caught:
        open_source(tmp_path)
    assert str(caught.value) == (
        f"'{tmp_path}' is a table of observations ({format}), which has no splits to train from. "
        f"`fieldmark build-export {option} {tmp_path} --out DIR` selects an export of it; "
        f"`fieldmark run --export {tmp_path}` does so by itself."
    )


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        open_source(tmp_path, "competitions")  # type: ignore[arg-type]
    assert str(caught.value) == (
        "Unknown format. Allowed: auto, vision, competition, open-data, observations-csv, "
        "darwin-core. Received: 'competitions'. Did you mean 'competition'?"
    )


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        detect_format(tmp_path / "gone")
    assert str(caught.value) == (
        f"The export '{tmp_path}/gone' does not exist. Expected a directory or file in one of the "
        "formats vision, competition, open-data, observations-csv, darwin-core."
    )


SOUGHT = (
    "Looked for vision: taxonomy.csv or taxonomy_data.csv, and train_data.csv; competition: a JSON "
    "with images and annotations (train2017.json, train_2017_bboxes.json, train2018.json, "
    "train2019.json, train.json, train_mini.json); open-data: observations.csv or .csv.gz parted "
    "by tabs, or inaturalist-open-data-*.tar.gz; observations-csv: a .csv or .zip whose header has "
    "id and image_url; darwin-core: a .zip or directory with meta.xml, or with observations.csv "
    "and media.csv."
)


def test_nothing_known_there(tmp_path: Path) -> None:
    for name in "abcdefghi":
        (tmp_path / f"{name}.txt").touch()
    with pytest.raises(DataError) as caught:
        detect_format(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: is no export that Fieldmark knows. {SOUGHT} Found: a.txt, b.txt, c.txt, "
        "d.txt, e.txt, f.txt, g.txt, h.txt and 1 more. Give the directory or file of one of these."
    )


def test_the_directory_around_an_export_gets_a_hint(tmp_path: Path) -> None:
    inner = tmp_path / "vision-export-20250216070017"
    inner.mkdir()
    vision(inner)
    with pytest.raises(DataError) as caught:
        detect_format(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: is no export that Fieldmark knows. {SOUGHT} "
        f"Found: vision-export-20250216070017/. Did you mean '{inner}' (vision)?"
    )


def test_a_file_of_an_export_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        detect_format(vision(tmp_path) / "taxonomy.csv")
    assert str(caught.value).endswith(f"media.csv. Did you mean '{tmp_path}' (vision)?")


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("id,quality_grade,url\n", "x.csv looks like an observations CSV without the column "
                                   "image_url: export it again with that column."),
        ("photo_uuid\tphoto_id\n", "x.csv looks like a table of the Open Data dump: put its "
                                   "observations.csv, photos.csv and taxa.csv into one directory "
                                   "and give that."),
    ],
)  # fmt: skip
def test_a_table_that_lacks_something_gets_a_hint(tmp_path: Path, header: str, hint: str) -> None:
    (tmp_path / "x.csv").write_text(header)
    for path in (tmp_path, tmp_path / "x.csv"):
        with pytest.raises(DataError) as caught:
            detect_format(path)
        assert str(caught.value).endswith(f" {hint}")


def test_half_a_vision_export_is_told_what_it_lacks(tmp_path: Path) -> None:
    vision(tmp_path)
    (tmp_path / "val_data.csv").unlink()
    with pytest.raises(DataError, match=r"has no val_data\.csv, so nothing could tell"):
        open_source(tmp_path)
    (tmp_path / "train_data.csv").unlink()
    with pytest.raises(DataError, match=r"is not a vision export\. Looked for: taxonomy\.csv"):
        open_source(tmp_path)


def test_a_broken_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "observations.csv.gz").write_bytes(gzip.compress(OPEN_DATA.encode() * 99)[:40])
    with pytest.raises(DataError) as caught:
        detect_format(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/observations.csv.gz: cannot be read: ")
    assert str(caught.value).endswith("Check its permissions, and that it was fetched whole.")
    (tmp_path / "observations.csv.gz").rename(tmp_path / "x.zip")
    with pytest.raises(DataError, match=r"x\.zip: cannot be read: File is not a zip file\."):
        detect_format(tmp_path / "x.zip")


def test_a_json_whose_first_array_comes_late_enough_is_still_looked_into(tmp_path: Path) -> None:
    parts = content("2021", range(3), "t")
    late = {"info": {"about": "x" * 30_000}, **{key: parts[key] for key in parts if key != "info"}}
    (tmp_path / "train.json").write_text(json.dumps(late))
    assert detect_format(tmp_path) == "competition"


@pytest.mark.parametrize(
    ("path", "format"),
    [
        ("vision-export-birds100", "vision"),
        ("metadata/vision-export-sample", "vision"),
        ("open-data-flora", "open-data"),
        ("metadata/open-data", "open-data"),
        ("metadata/observations", "observations-csv"),
        ("metadata/observations/observations_export.csv", "observations-csv"),
    ],
)
def test_files_that_inaturalist_wrote(shared_data: Path, path: str, format: str) -> None:
    assert detect_format(shared_data / path) == format
