"""Many photos: batches, threads, bad ones among good ones, and files of answers taken up again."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from server_world import ColourNetwork, encoded
from tiny_tree import tiny_taxonomy

from schemas.errors import ConfigError, DataError
from serving.answer import Unread
from serving.answer_file import AnswerFile, columns
from serving.classify import Classifier
from serving.classify_many import classify_many
from serving.find_photos import find_photos


class Network(ColourNetwork):
    def scores(self, pixels):  # type: ignore[no-untyped-def]
        return self.outputs(pixels)[0]


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def classifier(tmp_path: Path, network: Network) -> Classifier:
    return Classifier(network, tiny_taxonomy(tmp_path), source="here")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven photos, every third of which is none, in two folders."""
    below = tmp_path / "photos" / "b"
    below.mkdir(parents=True)
    for number in range(7):
        content = encoded("#ff0000" if number % 2 else "#0000ff") if number % 3 else b"<html>"
        place = below if number > 3 else below.parent
        (place / f"{number}.JPG").write_bytes(content)
    (below / "notes.txt").touch()
    (below / ".hidden.jpg").touch()
    return below.parent


def test_folders_are_searched_and_files_taken_as_they_are(folder: Path) -> None:
    found = find_photos(["gone.tif", folder])

    names = [Path(path).relative_to(folder).as_posix() for path in found[1:]]
    assert found[0] == "gone.tif"
    assert names == ["0.JPG", "1.JPG", "2.JPG", "3.JPG", "b/4.JPG", "b/5.JPG", "b/6.JPG"]


def test_a_folder_without_photos_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no photo\. Expected files that end in \.jpg"):
        find_photos([tmp_path])


@pytest.mark.parametrize(("batch_size", "decode_threads"), [(1, 1), (2, 3), (100, 2)])
def test_results_come_in_order_whatever_the_batches(
    classifier: Classifier, network: Network, folder: Path, batch_size: int, decode_threads: int
) -> None:
    paths = find_photos([folder])

    results = list(
        classify_many(
            classifier, paths, top=1, batch_size=batch_size, decode_threads=decode_threads
        )
    )

    assert [result.path for result in results] == paths
    bad = [place for place, result in enumerate(results) if isinstance(result, Unread)]
    assert bad == [0, 3, 6]
    named = [result.leaves[0].name for result in results if not isinstance(result, Unread)]
    assert named == ["Strix aluco", "Quercus robur", "Quercus robur", "Strix aluco"]
    assert sum(network.batches) == 4
    assert max(network.batches) <= batch_size
    assert results[1] == classifier.classify_one(paths[1], top=1)


def test_csv_has_a_row_a_photo(classifier: Classifier, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    with AnswerFile(out, top=2, resume=False) as file:
        for result in classify_many(classifier, find_photos([folder]), top=2):
            file.write(result)

    with out.open(newline="") as written:
        rows = list(csv.DictReader(written))
    assert list(rows[0]) == columns(2)
    assert rows[0]["error"].startswith(rows[0]["photo"])
    assert set(list(rows[0].values())[2:]) == {""}
    owl = {name: value for name, value in rows[1].items() if name != "photo"}
    assert owl == {
        "error": "",
        "reason": "",
        "common_ancestor_taxon_id": "20",
        "common_ancestor_name": "Strix",
        "common_ancestor_rank": "genus",
        "common_ancestor_score": "0.9",
        "best_branch": "Animalia > Strigidae > Strix > Strix aluco",
        "taxon_id_1": "101",
        "name_1": "Strix aluco",
        "rank_1": "species",
        "score_1": "0.5",
        "taxon_id_2": "102",
        "name_2": "Strix varia",
        "rank_2": "species",
        "score_2": "0.4",
    }


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_file_is_taken_up_where_it_was_cut(
    classifier: Classifier, folder: Path, tmp_path: Path, ending: str
) -> None:
    paths = find_photos([folder])
    whole, cut = tmp_path / f"whole{ending}", tmp_path / f"cut{ending}"
    for target in (whole, cut):
        with AnswerFile(target, top=2, resume=False) as file:
            for result in classify_many(classifier, paths, top=2):
                file.write(result)
    cut.write_bytes(cut.read_bytes()[:-10])  # in the middle of the last row

    with AnswerFile(cut, top=2, resume=True) as file:
        left = [path for path in paths if path not in file.done]
        for result in classify_many(classifier, left, top=2):
            file.write(result)

    assert left == paths[-1:]
    assert cut.read_bytes() == whole.read_bytes()
    if ending == ".jsonl":
        records = [json.loads(line) for line in whole.read_text().splitlines()]
        assert records[1]["common_ancestor"]["name"] == "Strix"
        assert set(records[0]) == {"path", "error"}


def test_files_that_cannot_be_taken_up(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in \.csv or \.jsonl\. Received: .*answers\.txt"):
        AnswerFile(tmp_path / "answers.txt", top=2, resume=False)
    AnswerFile(tmp_path / "answers.csv", top=2, resume=True).__exit__(None, None, None)
    with pytest.raises(ConfigError, match=r"is there already\. Go on with it by --resume"):
        AnswerFile(tmp_path / "answers.csv", top=2, resume=False)
    with pytest.raises(DataError, match=r"row 1: has other columns than those of 3 leaves"):
        AnswerFile(tmp_path / "answers.csv", top=3, resume=True)
    (tmp_path / "other.jsonl").write_text("no JSON\n")
    with pytest.raises(DataError, match="is not a file of answers"):
        AnswerFile(tmp_path / "other.jsonl", top=3, resume=True)


NAMES = (
    "caf\udce9.jpg",  # a byte that is no UTF-8
    "of two\nlines.jpg",
    'a "quoted", one.jpg',
    "of\u2028two\u0085paragraphs\x0b\x1c.jpg",
    "back\\slash\udcff.jpg",
    "\r.jpg",
)
"""Names that a disk allows."""


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_any_name_is_known_again(classifier: Classifier, tmp_path: Path, ending: str) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for place, name in enumerate(NAMES):
        (photos / name).write_bytes(encoded("#ff0000") if place % 2 else b"no photo")
    paths, out = find_photos([photos]), tmp_path / f"answers{ending}"

    with AnswerFile(out, top=2, resume=False) as file:
        for result in classify_many(classifier, paths, top=2):
            file.write(result)

    assert len(paths) == len(NAMES)
    out.read_text("utf-8")
    with AnswerFile(out, top=2, resume=True) as file:
        assert file.done == set(paths)


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_file_is_taken_up_wherever_it_was_cut(tmp_path: Path, ending: str) -> None:
    """Also in the middle of a name of two lines."""
    rows = [Unread(name, f"{name}: is empty.") for name in NAMES]
    whole, cut = tmp_path / f"whole{ending}", tmp_path / f"cut{ending}"
    with AnswerFile(whole, top=1, resume=False) as file:
        for row in rows:
            file.write(row)
    content = whole.read_bytes()

    for end in range(len(content)):
        cut.write_bytes(content[:end])
        with AnswerFile(cut, top=1, resume=True) as file:
            for row in rows:
                if row.path not in file.done:
                    file.write(row)
        assert cut.read_bytes() == content, end
