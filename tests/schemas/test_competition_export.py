from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from competition_sets import CATEGORIES, FILES, Content, content, write_set
from hypothesis import given
from hypothesis import strategies as st

from schemas.competition_export import CompetitionExport
from schemas.competition_places import ImagePlace, PlaceCounts, place_of
from schemas.csv_rows import Problems
from schemas.errors import ConfigError, DataError
from schemas.photo_row import PhotoRow
from schemas.photo_store import PhotoKey
from schemas.source import RowRange, Source
from schemas.spatial_row import SpatialRow

REMEDY = "Correct the object, or unpack the archive again. Rows are places in the array, from 0."


def faults_of(directory: Path, year: str, train: Content) -> str:
    """Returns what is wrong with a train file, without path and remedy."""
    write_set(directory, year, train, content(year, range(100, 103), "v"))
    source = CompetitionExport.open(directory)
    with pytest.raises(DataError) as caught:
        list(source.rows("train"))
    text = str(caught.value)
    assert text.startswith(f"{directory}/{FILES[year][0]}: ")
    assert text.endswith(f"\n {REMEDY}")
    return text.removeprefix(f"{directory}/{FILES[year][0]}: ").removesuffix(f"\n {REMEDY}")


@pytest.mark.parametrize("year", FILES)
def test_reads_each_year(tmp_path: Path, year: str) -> None:
    source: Source = CompetitionExport.open(write_set(tmp_path, year))
    assert (source.format, source.has_places) == ("competition", year == "2021")
    assert source.description == f"competition set of {year}, {FILES[year][0]}"
    assert [path.name for path in source.files] == list(FILES[year])
    taxonomy = source.taxonomy()
    assert taxonomy.leaf_names == [category["name"] for category in CATEGORIES[year]]
    rows = list(source.rows("train", taxonomy=taxonomy))
    assert rows[4] == PhotoRow(
        row_number=4,
        photo_id=4,
        photo_url=None,
        filename="train_val/4.jpg",
        observation_id=None,
        leaf_class_id=1,
        taxon_id=int(taxonomy.leaf_taxon_ids[1]),
        obs_taxon_id=None,
        community=None,
        license="CC-BY-NC",
        rights_holder="Holder, 4",
    )
    assert [row.photo_id for row in rows] == [0, 1, 2, 3, 4, 5]
    assert [row.leaf_class_id for row in source.rows("val")] == [0, 1, 2]
    assert list(source.photo_keys())[6] == PhotoKey(6, "jpg", "train_val/6.jpg")


@given(order=st.permutations(["info", "images", "annotations", "categories", "licenses"]),
       annotations=st.permutations(range(6)))  # fmt: skip
def test_the_order_of_keys_and_of_annotations_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], annotations: list[int]
) -> None:
    directory = tmp_path_factory.getbasetemp() / "any-order"
    directory.mkdir(exist_ok=True)
    usual = content("2021", range(6), "train_val")
    shuffled = usual | {"annotations": [usual["annotations"][place] for place in annotations]}
    source = CompetitionExport.open(
        write_set(directory, "2021", {section: shuffled[section] for section in order})
    )
    assert [(row.photo_id, row.leaf_class_id) for row in source.rows("train")] == [
        *((0, 0), (1, 1), (2, 2), (3, 0), (4, 1), (5, 2))
    ]


def test_leaves_are_in_the_order_of_category_ids(tmp_path: Path) -> None:
    train, val = content("2021", range(6), "t"), content("2021", range(6, 9), "t")
    for part in (train, val):
        part["categories"] = list(reversed(part["categories"]))
    taxonomy = CompetitionExport.open(write_set(tmp_path, "2021", train, val)).taxonomy()
    assert taxonomy.leaf_names == [category["name"] for category in CATEGORIES["2021"]]


def test_a_split_is_one_range(tmp_path: Path) -> None:
    source = CompetitionExport.open(write_set(tmp_path, "2019"))
    (whole,) = source.ranges("train", 2)
    assert whole == RowRange("train", 0, (tmp_path / "train2019.json").stat().st_size, 0, 6)
    assert list(source.rows_in(whole)) == list(source.rows("train"))


def test_a_set_that_was_read_can_be_sent_to_a_worker(tmp_path: Path) -> None:
    source = CompetitionExport.open(write_set(tmp_path, "2021"))
    rows = list(source.rows("train"))
    sent = pickle.dumps(source)
    assert len(sent) < 1000
    assert pickle.loads(sent) == source
    assert list(pickle.loads(sent).rows("train")) == rows


def test_boxes_of_2017_are_several_annotations_of_an_image(tmp_path: Path) -> None:
    train = content("2017", range(2), "t")
    box = {"bbox": [1, 2, 3, 4], "area": 6.0, "iscrowd": 0}
    train["annotations"] = [
        {"id": number, "image_id": number // 2, "category_id": number // 2, **box}
        for number in range(4)
    ]
    write_set(tmp_path, "2017", train)
    (tmp_path / "train2017.json").rename(tmp_path / "train_2017_bboxes.json")
    source = CompetitionExport.open(tmp_path)
    assert source.split_paths["val"].name == "val2017.json"
    assert [row.leaf_class_id for row in source.rows("train")] == [0, 1]


def test_licenses_and_holders_may_be_unknown(tmp_path: Path) -> None:
    train = content("2021", range(4), "t")
    images = train["images"]
    images[0] |= {"license": 2, "rights_holder": " "}
    images[1] |= {"license": 7, "rights_holder": None}
    del images[2]["license"], images[2]["rights_holder"]
    rows = list(CompetitionExport.open(write_set(tmp_path, "2021", train)).rows("train"))
    assert [(row.license, row.rights_holder) for row in rows] == [
        ("No known copyright restrictions say they", None),
        ("license 7", None),
        (None, None),
        ("CC-BY-NC", "Holder, 3"),
    ]


def test_places_are_by_negative_photo_id_and_unknown_ones_are_counted(tmp_path: Path) -> None:
    train = content("2021", range(6), "t")
    images = train["images"]
    images[1] |= {"latitude": None, "longitude": None}
    images[2]["latitude"] = 1e6
    images[3]["date"] = "0000-00-00"
    images[4]["longitude"] = float("nan")
    source = CompetitionExport.open(write_set(tmp_path, "2021", train))
    places = list(source.spatial_rows())
    assert places[1] == SpatialRow(3, -3, 51.5, -2.25, None)
    assert [place.observation_id for place in places] == [0, -3, -5, -6, -7, -8]
    assert places[-1].observed_on == "2019-07-15"
    assert source.place_counts() == {
        "train": PlaceCounts(known=3, unknown=3, absurd=2),
        "val": PlaceCounts(known=3, unknown=0, absurd=0),
    }


@pytest.mark.parametrize(
    ("image", "place"),
    [
        ({}, (None, None, None, False)),
        ({"latitude": "", "longitude": "", "date": ""}, (None, None, None, False)),
        ({"latitude": 90, "longitude": -180}, (90.0, -180.0, None, False)),
        ({"latitude": 90.1, "longitude": 0}, (None, None, None, True)),
        ({"latitude": 1, "longitude": "2"}, (None, None, None, True)),
        ({"latitude": True, "longitude": 1}, (None, None, None, True)),
        ({"latitude": 1, "longitude": float("nan")}, (None, None, None, True)),
        ({"latitude": 1}, (None, None, None, False)),
        ({"date": "2021-02-30"}, (None, None, None, True)),
        ({"date": 20210230}, (None, None, None, True)),
        ({"date": "2021-02-03T04:05"}, (None, None, "2021-02-03", False)),
    ],
)
def test_places(image: Content, place: tuple[Any, ...]) -> None:
    assert place_of(image) == ImagePlace(*place)


def test_faults_are_told_together(tmp_path: Path) -> None:
    train = content("2021", range(12), "t")
    images, annotations = train["images"], train["annotations"]
    del images[0]["file_name"]
    images[1]["id"] = "1"
    images[2] = 5
    images[3]["id"] = 4
    images[5]["file_name"] = ""
    images[6]["license"] = "by"
    images[7]["id"] = 70
    annotations[8]["category_id"] = 99
    annotations[9] = {"id": 9, "image_id": -1, "category_id": 0}
    annotations.append({"id": 12, "image_id": 10, "category_id": 0})
    del annotations[11]["category_id"]
    assert faults_of(tmp_path, "2021", train).splitlines() == [
        "18 faults:",
        "  row 8, column annotations.category_id: is none of the categories. Received: 99.",
        "  row 9, column annotations.image_id: is not a whole number of 0 or more. Received: -1.",
        "  row 11, column annotations.category_id: is missing. The object has: id, image_id.",
        "  row 12, column annotations.category_id: is another than annotation 10 has for the same "
        "image, 10.",
        "  row 0, column images.file_name: is missing. The object has: id, width, height, license, "
        "rights_holder, date, latitude, longitude, location_uncertainty.",
        "  row 1, column images.id: is not a whole number of 0 or more. Received: '1'.",
        "  row 2, column images: is not an object. Received: 5.",
        "  row 4, column images.id: 4 is the id of image 3 already.",
        "  row 5, column images.file_name: is not a text, or an empty one. Received: ''.",
        "  row 6, column images.license: is not a whole number of 0 or more. Received: 'by'.",
        "  row 7, column images.id: 70 has no annotation with a known category.",
        "  row 8, column images.id: 8 has no annotation with a known category.",
        "  row 9, column images.id: 9 has no annotation with a known category.",
        "  row 11, column images.id: 11 has no annotation with a known category.",
        "  row 1, column annotations.image_id: 1 is the id of no image.",
        "  row 2, column annotations.image_id: 2 is the id of no image.",
        "  row 3, column annotations.image_id: 3 is the id of no image.",
        "  row 7, column annotations.image_id: 7 is the id of no image.",
    ]


def test_twenty_faults_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    train = content("2019", range(50), "t") | {"annotations": []}
    lines = faults_of(tmp_path, "2019", train).splitlines()
    assert lines[0] == "50 faults:"
    assert lines[1] == "  row 0, column images.id: 0 has no annotation with a known category."
    assert lines[21:] == ["  ... and 30 more."]


def test_rows_stream_past_faults_when_somebody_notes_them(tmp_path: Path) -> None:
    train = content("2019", range(3), "t")
    train["images"][1]["file_name"] = None
    source = CompetitionExport.open(write_set(tmp_path, "2019", train))
    problems = Problems(source.split_paths["train"])
    assert [row.photo_id for row in source.rows("train", problems)] == [0, 2]
    with pytest.raises(DataError, match=r"1 fault:\n  row 1, column images\.file_name"):
        problems.raise_if_any("Mend it.")


def test_a_worker_s_faults_travel(tmp_path: Path) -> None:
    train = content("2019", range(3), "t") | {"annotations": [7]}
    source = CompetitionExport.open(write_set(tmp_path, "2019", train))
    with pytest.raises(DataError) as caught:
        list(source.rows_in(source.ranges("train", 1)[0]))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_faulty_categories_are_named(tmp_path: Path) -> None:
    train = content("2021", range(3), "t")
    train["categories"] = [
        *CATEGORIES["2021"],
        CATEGORIES["2021"][0],
        CATEGORIES["2021"][1] | {"id": 9},
        {"id": 10, "name": " "},
        {"name": "Aus bus"},
        {"id": 11, "name": ["Aus"]},
    ]
    source = CompetitionExport.open(write_set(tmp_path, "2021", train))
    with pytest.raises(DataError) as caught:
        source.taxonomy()
    assert str(caught.value) == (
        f"{tmp_path}/train.json: 5 faults:\n"
        "  row 3, column categories.id: 0 stands in the array already.\n"
        "  row 4, column categories.name: 'Lumbricus rubellus' is the name of category 1 already.\n"
        "  row 5, column categories.name: is missing or empty.\n"
        "  row 6, column categories.id: is missing. The object has: name.\n"
        "  row 7, column categories.name: is not a name. Received: ['Aus'].\n"
        f" {REMEDY}"
    )


def test_train_and_val_have_the_same_categories(tmp_path: Path) -> None:
    val = content("2021", range(6, 8), "t")
    val["categories"] = [CATEGORIES["2021"][0], CATEGORIES["2021"][1] | {"name": "Lumbricus sp"}]
    source = CompetitionExport.open(write_set(tmp_path, "2021", val=val))
    above = "Animalia, Annelida, Clitellata, Haplotaxida, Lumbricidae, Lumbricus"
    with pytest.raises(DataError) as caught:
        source.taxonomy()
    assert str(caught.value) == (
        f"{tmp_path}/val.json, column categories: differ from those of train.json; "
        f"1: 'Lumbricus sp' ({above}) here, 'Lumbricus rubellus' ({above}) there; "
        f"2: missing here, 'Lumbricus castaneus' ({above}) there. "
        "Take both files from one year, and replace veiled categories in both."
    )


def test_one_image_id_for_two_photos_is_refused(tmp_path: Path) -> None:
    write_set(tmp_path, "2021", val=content("2021", range(4, 8), "elsewhere"))
    with pytest.raises(DataError) as caught:
        list(CompetitionExport.open(tmp_path).rows("val"))
    assert str(caught.value) == (
        f"{tmp_path}/val.json, column images.id: 4, 5 stand in train.json too, for photos with "
        "another file_name. Number the images anew, for example with: "
        "jq -c '.images[].id += 1000000000 | .annotations[].image_id += 1000000000'."
    )


def test_one_photo_in_both_splits_is_left_to_the_search_for_leaks(tmp_path: Path) -> None:
    write_set(tmp_path, "2021", val=content("2021", range(4, 8), "train_val"))
    assert len(list(CompetitionExport.open(tmp_path).rows("val"))) == 4


def test_half_a_file_is_refused_with_the_byte(tmp_path: Path) -> None:
    write_set(tmp_path, "2021")
    path = tmp_path / "train.json"
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(DataError) as caught:
        list(CompetitionExport.open(tmp_path).rows("train"))
    assert str(caught.value).startswith(
        f"{path}: is cut off, or no JSON: it ends at byte 700 without a closing }}."
    )


def test_a_test_file_has_no_annotations(tmp_path: Path) -> None:
    train = content("2021", range(3), "t")
    del train["annotations"]
    source = CompetitionExport.open(write_set(tmp_path, "2021", train))
    with pytest.raises(DataError) as caught:
        list(source.rows("train"))
    assert str(caught.value) == (
        f"{tmp_path}/train.json: has no annotations, as the competition's test files. "
        "Give a train JSON, with its val JSON beside it."
    )


def test_two_train_files_are_not_chosen_between(tmp_path: Path) -> None:
    write_set(tmp_path, "2021")
    mini = tmp_path / "train_mini.json"
    mini.write_text(json.dumps(content("2021", range(2), "train_mini")))
    with pytest.raises(ConfigError) as caught:
        CompetitionExport.open(tmp_path)
    assert str(caught.value) == (
        f"The directory '{tmp_path}' has several train files: train.json, train_mini.json. Give "
        f"the path of the file you mean, for example '{tmp_path}/train.json'."
    )
    source = CompetitionExport.open(mini)
    assert (source.directory, source.split_paths["val"]) == (tmp_path, tmp_path / "val.json")
    assert len(list(source.rows("train"))) == 2


def test_a_train_file_of_another_name_has_its_val_beside_it(tmp_path: Path) -> None:
    write_set(tmp_path, "2021")
    for split in ("train", "val"):
        (tmp_path / f"{split}.json").rename(tmp_path / f"birds_{split}.json")
    source = CompetitionExport.open(tmp_path / "birds_train.json")
    assert source.split_paths["val"].name == "birds_val.json"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("gone", "The export '{}/gone' does not exist. Expected the directory of a competition "
                 "set, or its train JSON."),
        ("", "{}: has no train JSON. Looked for: train2017.json, train_2017_bboxes.json, "
             "train2018.json, train2019.json, train.json, train_mini.json. Found: a.json, "
             "test2019.json. Unpack the annotations of one competition here, or give the train "
             "JSON's path."),
        ("test2019.json", "{}/test2019.json: is no train JSON, by its name. Give the train JSON; "
                          "test files have no annotations and are not read."),
        ("a.json", "{}/a.json: has no val.json beside it, so nothing could tell a good model from "
                   "a bad one. Put the val JSON of the same year there; Fieldmark never cuts one "
                   "from train."),
    ],
)  # fmt: skip
def test_files_that_are_not_there(tmp_path: Path, given: str, error: str) -> None:
    for name in ("a.json", "test2019.json"):
        (tmp_path / name).touch()
    with pytest.raises((ConfigError, DataError)) as caught:
        CompetitionExport.open(tmp_path / given)
    assert str(caught.value) == error.format(tmp_path)


def test_a_split_that_is_not_there_is_named(tmp_path: Path) -> None:
    source = CompetitionExport.open(write_set(tmp_path, "2021"))
    with pytest.raises(ConfigError) as caught:
        list(source.rows("test"))
    assert str(caught.value) == (
        f"The competition set '{tmp_path}' has no split 'test'. It has: train, val."
    )
