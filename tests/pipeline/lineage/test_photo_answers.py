from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlmd_world import TAXONOMY_CSV, index_row, left_out
from PIL import Image

from components.export_example_gen.set_aside import write_set_aside
from pipeline.lineage import photo_question
from pipeline.lineage.answer_report import answer_json, answer_table
from pipeline.lineage.answers import Answer, answers
from pipeline.lineage.find_photos import find_photos, find_set_aside
from pipeline.lineage.trained_models import PushedVersion, TrainedModel
from schemas.errors import ConfigError, DataError
from schemas.photo_hash import perceptual_hash
from schemas.photo_index import IndexRow, index_file, write_index

UUID = "0a1b2c3d-0000-4000-8000-00000000000f"


def write(directory: Path, **rows: list[IndexRow]) -> Path:
    for split, of_split in rows.items():
        write_index(of_split, index_file(directory, split, 0, 1))
    return directory


@pytest.fixture
def model(tmp_path: Path) -> TrainedModel:
    """Photos 1 and 2 (of one observation) in train, 3 in val; 4 and a row of 1 set aside."""
    index = write(
        tmp_path / "index",
        train=[
            index_row(1, observation_id=77, observation_uuid=UUID),
            index_row(2, observation_id=77, observation_uuid=UUID, taxon_id=52),
        ],
        val=[index_row(3)],
    )
    for name in ("taxonomy", "left_out"):
        (tmp_path / name).mkdir()
    (tmp_path / "taxonomy" / "taxonomy.csv").write_text(TAXONOMY_CSV)
    write_set_aside(
        [
            left_out("val", 9, 1, "leak", "its observation is in train, too"),
            left_out("train", 5, 4, "unusable", 'damaged: "cut off",\nat row 3'),
        ],
        tmp_path / "left_out" / "set_aside.csv",
        files={"train": "train_data.csv", "val": "val_data.csv"},
    )
    return TrainedModel(
        run="ladybirds",
        execution_id=3,
        trained_at=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
        blessed=True,
        pushed=(
            PushedVersion("saved_model/17", Path("/runs/ladybirds/pushed/saved_model/17")),
            PushedVersion("mobile/17", Path("/runs/ladybirds/pushed/mobile/17")),
        ),
        indexes=(index,),
        set_aside=(tmp_path / "left_out",),
        taxonomies=(tmp_path / "taxonomy",),
    )


@pytest.fixture
def older(model: TrainedModel) -> TrainedModel:
    return replace(model, execution_id=1, blessed=False, pushed=(), indexes=())


def ask(model: TrainedModel, photo_id: int) -> Answer:
    (answer,) = answers([model], photo_question.photo_id(photo_id))
    return answer


def test_places_of_photos(model: TrainedModel) -> None:
    places = {photo_id: ask(model, photo_id).place for photo_id in (2, 3, 4, 5)}
    assert places == {2: "train", 3: "val", 4: "set aside", 5: "not in the export"}


def test_only_train_photos_changed_the_weights(model: TrainedModel) -> None:
    assert [ask(model, photo_id).in_training for photo_id in (2, 3, 4, 5)] == [
        True,
        False,
        False,
        False,
    ]


def test_without_an_index_nothing_is_denied(older: TrainedModel) -> None:
    # Photo 4 is on the list of those set aside, which may name one of two rows of a photo.
    for photo_id in (1, 4, 5):
        answer = ask(older, photo_id)
        assert (answer.place, answer.in_training) == ("unknown", None)
        assert answer.unknown == "trained before Fieldmark kept an index of its photos"


def test_index_that_was_deleted_is_not_a_no(model: TrainedModel, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    answer = ask(replace(model, indexes=(gone,)), 5)
    assert answer.unknown == f"{gone} is gone; put it back, or run the pipeline again"


def test_photos_of_an_observation_by_number_and_by_uuid(model: TrainedModel) -> None:
    for text in ("77", UUID, UUID.upper()):
        (answer,) = answers([model], photo_question.observation(text))
        assert [photo.photo_id for photo in answer.photos] == [1, 2]
        assert answer.place == "train"
    (answer,) = answers([model], photo_question.observation("78"))
    assert answer.place == "not in the export"


def test_photo_ids_do_not_pass_for_observations(model: TrainedModel, tmp_path: Path) -> None:
    index = write(tmp_path / "old", train=[index_row(7, observation_id=7)])

    (answer,) = answers([replace(model, indexes=(index,))], photo_question.observation("7"))

    assert answer.place == "unknown"
    assert answer.unknown == "its export knows no observations; ask by --photo-id"


def test_photo_of_two_exports_is_found_in_each_by_one_scan(
    model: TrainedModel, tmp_path: Path
) -> None:
    index = write(tmp_path / "second [1] *", val=[index_row(1)])
    question = photo_question.photo_id(1)

    places = [
        answer.place for answer in answers([model, replace(model, indexes=(index,))], question)
    ]

    assert places == ["train", "val"]


@settings(max_examples=25)
@given(
    hashes=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=8),
    flips=st.sets(st.integers(0, 63), max_size=8),
)
def test_looks_like_is_the_count_of_bits(
    tmp_path_factory: pytest.TempPathFactory, hashes: list[int], flips: set[int]
) -> None:
    directory = tmp_path_factory.mktemp("index")
    rows = [index_row(number + 1, phash=phash) for number, phash in enumerate(hashes)]
    write(directory, train=rows)
    asked = hashes[0]
    for bit in flips:
        asked ^= 1 << bit
    question = photo_question.Question(
        "file",
        "x.jpg",
        "bit_count(xor(phash, $phash::UBIGINT)) <= 4",
        "bit_count(xor(phash, $phash::UBIGINT))",
        {"phash": asked},
    )

    found = find_photos([directory], question).get(directory, [])

    expected = {
        row.photo_id: (row.phash ^ asked).bit_count()
        for row in rows
        if (row.phash ^ asked).bit_count() <= 4
    }
    assert {photo.photo_id: photo.distance for photo in found} == expected


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    noise = np.random.default_rng(3).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC).save(
        tmp_path / "owl.jpg", quality=95
    )
    return tmp_path / "owl.jpg"


def test_file_with_the_same_bytes_is_the_photo_itself(
    model: TrainedModel, photo: Path, tmp_path: Path
) -> None:
    sha256 = hashlib.sha256(photo.read_bytes()).hexdigest()
    phash = perceptual_hash(Image.open(photo))
    rows = [index_row(8, sha256=sha256, phash=phash), index_row(9, phash=phash ^ 3)]
    index = write(tmp_path / "with", train=rows)

    (answer,) = answers([replace(model, indexes=(index,))], photo_question.photo_file(photo))

    assert [(p.photo_id, p.distance) for p in answer.photos] == [(8, None)]
    assert answer.in_training is True


def test_file_encoded_anew_looks_like_the_photo(
    model: TrainedModel, photo: Path, tmp_path: Path
) -> None:
    phash = perceptual_hash(Image.open(photo))
    index = write(tmp_path / "with", train=[index_row(8, phash=phash)], val=[index_row(9)])
    Image.open(photo).resize((160, 120)).save(tmp_path / "small.jpg", quality=60)

    (answer,) = answers(
        [replace(model, indexes=(index,))], photo_question.photo_file(tmp_path / "small.jpg")
    )

    assert [p.photo_id for p in answer.photos] == [8]
    assert answer.photos[0].distance <= 4
    assert (answer.place, answer.in_training) == ("looks like", None)


def test_picture_of_one_colour_looks_like_nothing(model: TrainedModel, tmp_path: Path) -> None:
    plain = tmp_path / "plain.png"
    Image.new("RGB", (64, 64), "white").save(plain)
    phash = perceptual_hash(Image.open(plain))
    index = write(tmp_path / "with", train=[index_row(8, phash=phash)])

    (answer,) = answers([replace(model, indexes=(index,))], photo_question.photo_file(plain))

    assert answer.place == "not in the export"


def test_faulty_questions() -> None:
    with pytest.raises(ConfigError) as caught:
        photo_question.photo_id(0)
    assert str(caught.value) == (
        "--photo-id: ids are whole numbers from 1 to 9223372036854775807. Received: 0."
    )
    with pytest.raises(ConfigError) as caught:
        photo_question.observation("https://x/25")
    assert str(caught.value) == (
        "--observation-id: expected the number or the UUID that ends the observation's address. "
        "Received: 'https://x/25'."
    )


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        photo_question.photo_file(tmp_path / "gone.jpg")
    assert str(caught.value) == (
        f"{tmp_path}/gone.jpg: cannot be read: No such file or directory. Check the path and its "
        "permissions, or ask by --photo-id."
    )
    (tmp_path / "text.jpg").write_text("no photo")
    with pytest.raises(DataError) as caught:
        photo_question.photo_file(tmp_path / "text.jpg")
    assert str(caught.value) == (
        f"{tmp_path}/text.jpg: is not a whole photo, so nothing can look like it. Give a JPEG, PNG "
        "or GIF file, or ask by --photo-id."
    )


def test_half_cut_photo(photo: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:2000])
    with pytest.raises(DataError, match="is not a whole photo"):
        photo_question.photo_file(photo)


def test_faulty_index_file_is_named(model: TrainedModel) -> None:
    path = index_file(model.indexes[0], "val", 0, 1)
    path.write_bytes(b"PAR1 no parquet file PAR1")
    with pytest.raises(DataError) as caught:
        ask(model, 1)
    assert str(caught.value).startswith(f"{path}: cannot be read as a photo index: ")
    assert str(caught.value).endswith(". Put back a copy of the file, or run the pipeline again.")


def test_faulty_list_of_photos_set_aside(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        find_set_aside(tmp_path, 1)
    path = tmp_path / "set_aside.csv"
    assert str(caught.value) == (
        f"{path}: cannot be read: No such file or directory. Run the pipeline again to have it "
        "written."
    )
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError) as caught:
        find_set_aside(tmp_path, 1)
    assert str(caught.value) == (
        f"{path}: is not a list of photos set aside, with the columns file, row, photo_id, kind, "
        "reason. Run the pipeline again to have it written."
    )


def test_table(model: TrainedModel, older: TrainedModel) -> None:
    question = photo_question.photo_id(1)
    table = answer_table(
        question, answers([older, model], question), runs_without_model=["molluscs"]
    )
    assert table == (
        "Was photo 1 in training?\n"
        "\n"
        "run        execution  trained (UTC)     blessed  pushed as       the photo\n"
        "ladybirds  1          2026-05-04 03:02  no       not pushed      set aside: val_data.csv "
        "row 9, leak: its observation is in train, too\n"
        "                                                                 unknown: trained before "
        "Fieldmark kept an index of its photos\n"
        "ladybirds  3          2026-05-04 03:02  yes      saved_model/17  train: photo 1, taxon 51 "
        "Coccinella septempunctata, photos/1/medium.jpg\n"
        "                                                 mobile/17       set aside: val_data.csv "
        "row 9, leak: its observation is in train, too\n"
        "\n"
        "In training of 1 of 2 models. Only photos of train change a model's weights; those of val "
        "and test judge it.\n"
        "1 model: unknown, which is not a no. What is trained from now on keeps an index of its "
        "photos.\n"
        "Without a trained model: molluscs."
    )


def test_table_of_what_only_looks_alike(model: TrainedModel, photo: Path, tmp_path: Path) -> None:
    phash = perceptual_hash(Image.open(photo)) ^ 0b11
    rows = [index_row(number, phash=phash, path="a\x1b[2J\nb.jpg") for number in range(1, 13)]
    index = write(tmp_path / "with", train=rows)
    question = photo_question.photo_file(photo)
    model = replace(model, indexes=(index,), pushed=(), blessed=None)

    lines = answer_table(question, answers([model], question)).splitlines()

    assert lines[3] == (
        "ladybirds  3          2026-05-04 03:02  not judged  not pushed  looks like photo 1 "
        "(distance 2), in train: taxon 51 Coccinella septempunctata, a?[2J b.jpg"
    )
    assert lines[13].strip() == "and 2 more; --json lists all"
    assert lines[15:] == [
        "In training of 0 of 1 model. Only photos of train change a model's weights; those of val "
        "and test judge it.",
        "1 model: no such file, but photos that look like it (at most 4 of 64 bits of their hashes "
        "differ). Compare them by eye.",
        "Photos set aside have no hash; ask for them by --photo-id.",
    ]


def test_json(model: TrainedModel) -> None:
    question = photo_question.photo_id(4)
    assert json.loads(answer_json(question, answers([model], question))) == {
        "question": {"photo_id": "4"},
        "models": [
            {
                "run": "ladybirds",
                "execution_id": 3,
                "trained_at": "2026-05-04T03:02:01+00:00",
                "blessed": True,
                "pushed": [
                    {"version": "saved_model/17", "path": "/runs/ladybirds/pushed/saved_model/17"},
                    {"version": "mobile/17", "path": "/runs/ladybirds/pushed/mobile/17"},
                ],
                "place": "set aside",
                "in_training": False,
                "photos": [],
                "set_aside": [
                    {
                        "file": "train_data.csv",
                        "row": 5,
                        "photo_id": 4,
                        "kind": "unusable",
                        "reason": 'damaged: "cut off",\nat row 3',
                    }
                ],
                "unknown": None,
            }
        ],
        "runs_without_model": [],
    }


def test_json_of_a_photo(model: TrainedModel) -> None:
    question = photo_question.observation("77")
    report = json.loads(answer_json(question, answers([model], question)))
    assert report["models"][0]["in_training"] is True
    assert report["models"][0]["photos"][1] == {
        "split": "train",
        "photo_id": 2,
        "observation_id": 77,
        "taxon_id": 52,
        "taxon_name": "Adalia bipunctata",
        "path": "photos/2/medium.jpg",
        "row_number": 2,
        "distance": None,
    }
