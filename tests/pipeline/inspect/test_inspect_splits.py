from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.inspect.inspection import Count, FileFaults, Inspection
from schemas.errors import ConfigError, DataError

Inspected = Callable[..., Inspection]


def test_a_sound_export_has_no_faults(export: Path, inspected: Inspected) -> None:
    assert inspected(export).faults == ()


def test_faulty_rows_are_shown_and_the_others_counted(export: Path, inspected: Inspected) -> None:
    path = export / "train_data.csv"
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace("101,", "x,", 1)
    lines[4] = lines[4].replace(",1,0,12,", ",7,0,12,")
    path.write_text("\n".join([*lines, "1,2"]) + "\n")
    found = inspected(export)
    assert found.faults == (
        FileFaults(
            "export/train_data.csv",
            3,
            (
                "row 2, column photo_id: is not a positive integer. Received: 'x'.",
                "row 5, column leaf_class_id: 7 is none of the taxonomy's, 0..2.",
                "row 6: has 2 cells where the header has 8. Received: '1,2'.",
            ),
            "Correct the row, or export it again.",
        ),
    )
    assert found.splits[0].photos == 2
    assert found.photos == 5


def test_an_id_that_is_none_is_a_fault(export: Path, inspected: Inspected) -> None:
    path = export / "val_data.csv"
    path.write_text(path.read_text().replace("105,", f"{2**70},", 1))
    (faults,) = inspected(export).faults
    assert faults.faults == (
        "row 2: has an id that is none of iNaturalist's: above 2,199,023,255,551, or a leaf class "
        "above 1,048,575.",
    )


def test_a_broken_tree_still_names_taxa(export: Path, inspected: Inspected) -> None:
    path = export / "taxonomy.csv"
    path.write_text(path.read_text().replace("2,12,10,1,", "99,12,10,1,").replace(",70,", ",x,"))
    found = inspected(export)
    assert [faults.path for faults in found.faults] == ["export/taxonomy.csv"]
    assert found.faults[0].count == 1
    assert found.photos == 7
    assert found.taxa is not None
    assert found.taxa.ranks == (Count("genus", 1), Count("species", 2))
    assert found.taxa.all_ranks == (Count("genus", 2), Count("species", 2), Count(None, 1))
    assert found.per_taxon is not None
    assert [taxon.name for taxon in found.per_taxon.most] == ["Aus bus", "Aus cus", "Dus"]


def test_without_a_tree_rows_are_read_all_the_same(export: Path, inspected: Inspected) -> None:
    (export / "taxonomy.csv").unlink()
    found = inspected(export)
    assert found.taxa is None
    assert found.photos == 7
    assert [faults.path for faults in found.faults] == ["export"]
    assert found.faults[0].faults[0].startswith("is not a vision export. Looked for: taxonomy.csv")
    assert found.per_taxon is not None
    assert [taxon.name for taxon in found.per_taxon.most] == ["leaf class 0", "leaf class 1"]


def test_a_split_that_cannot_be_read_does_not_hide_the_others(
    export: Path, inspected: Inspected
) -> None:
    (export / "val_data.csv").write_text("photo_id,leaf_class_id\n1,2\n")
    with (export / "test_data.csv").open("ab") as file:
        file.write(b"\xff\n")
    found = inspected(export)
    assert [(split.name, split.photos) for split in found.splits] == [("train", 4), ("test", 2)]
    assert found.faults == (
        FileFaults(
            "export/val_data.csv",
            1,
            (
                "row 1: lacks the columns observation_id, taxon_id. Received: "
                "photo_id,leaf_class_id. Is this the right file? docs/exports.md lists the columns "
                "of each format.",
            ),
            "",
        ),
        FileFaults(
            "export/test_data.csv",
            1,
            (
                "row 4: is not UTF-8 (byte 0xff). Convert the file, for example with: iconv -f "
                "latin1 -t utf-8.",
            ),
            "",
        ),
    )


def test_a_missing_val_split_is_a_fault_and_a_missing_test_split_a_note(
    export: Path, inspected: Inspected
) -> None:
    (export / "test_data.csv").unlink()
    found = inspected(export)
    assert found.faults == ()
    assert (
        "There is no test split: only val tells how good a model is. Export again with "
        "test_data.csv to judge the final model on photos that no choice was made by."
    ) in found.notes
    (export / "val_data.csv").unlink()
    (faults,) = inspected(export).faults
    assert faults.faults[0].startswith("has no val_data.csv, so nothing could tell")


def test_faulty_places_are_faults(export: Path, inspected: Inspected) -> None:
    path = export / "spatial_data.csv"
    path.write_text(path.read_text().replace("502,47.5", "502,97.5"))
    found = inspected(export)
    assert found.places is not None
    assert (found.places.known, found.places.of) == (2, 5)
    assert [faults.path for faults in found.faults] == ["export/spatial_data.csv"]


def test_what_the_export_lacks_is_noted(export: Path, inspected: Inspected) -> None:
    (export / "spatial_data.csv").unlink()
    for split in ("train", "val", "test"):
        path = export / f"{split}_data.csv"
        cells = [line.split(",") for line in path.read_text().splitlines()]
        path.write_text("".join(f"{c[0]},{c[2]},{c[3]},{c[5]}\n" for c in cells))
    found = inspected(export)
    assert found.places is None
    assert found.observers is None
    assert found.licenses == ()
    assert found.notes[0] == (
        "4 of 7 photos are not on disk (57.1%). The split files do not say where they are "
        "published. Put them into export/photos, or fetch them with `fieldmark fetch-photos export "
        "--url-prefix URL`."
    )
    assert found.notes[-2:] == (
        "No place is known. Training needs none; to see where and when the photos were taken, "
        "export with spatial_data.csv.",
        "No licence is known, so nobody can be credited. `fieldmark build-export` writes licence, "
        "rights holder and observer of each photo.",
    )


def test_empty_splits(export: Path, inspected: Inspected) -> None:
    for split in ("train", "val", "test"):
        path = export / f"{split}_data.csv"
        path.write_text(path.read_text().splitlines()[0] + "\n")
    found = inspected(export)
    assert (found.photos, found.photos_on_disk, found.leaks) == (0, None, ())
    assert (
        "No sound row in train, val, test. Export again with photos in each split." in found.notes
    )


def test_photos_twice_in_one_split(export: Path, inspected: Inspected) -> None:
    path = export / "val_data.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
    leaks = {leak.kind: leak for leak in inspected(export).leaks}
    assert leaks["photos twice in one split"].examples == (
        "photo 105: val row 2 (Aus bus), val row 3 (Aus bus)",
    )


def test_the_generation_of_2018(tmp_path: Path, inspected: Inspected) -> None:
    (tmp_path / "taxonomy_data.csv").write_text(
        "parent_taxon_id,taxon_id,rank_level,leaf_class_id,name\n,1,10.0,0,Aus bus\n"
    )
    for split, photo in (("train", 1), ("val", 2)):
        (tmp_path / f"{split}_data.csv").write_text(
            f"id,filename,labels,texts\n{photo},photos/{photo}.jpg,0,1\n"
        )
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").write_bytes(b"a photo")
    found = inspected(tmp_path)
    assert found.description == "vision export, columns of 2018-2021"
    assert found.observations is None
    assert found.splits[0].observations is None
    assert found.photos_on_disk is not None
    assert (found.photos_on_disk.found, found.photos_on_disk.missing_photo_ids) == (1, (2,))


@pytest.fixture
def competition(tmp_path: Path) -> Path:
    for split, first in (("train", 1), ("val", 11)):
        content = {
            "info": {"year": 2021},
            "images": [
                {"id": number, "file_name": f"{split}/{number}.jpg", "license": 0,
                 "width": 4, "height": 4, "rights_holder": "ana",
                 "date": "2019-07-01 12:00:00+00:00", "latitude": 47.5, "longitude": 8.5}
                for number in range(first, first + 3)
            ],
            "categories": [{"id": 7, "name": "Aus bus", "supercategory": "Insects"},
                           {"id": 9, "name": "Aus cus", "supercategory": "Insects"}],
            "annotations": [
                {"id": number, "image_id": number, "category_id": 7 + 2 * (number % 2)}
                for number in range(first, first + 3)
            ],
            "licenses": [{"id": 0, "name": "x",
                          "url": "http://creativecommons.org/licenses/by-nc/4.0/"}],
        }  # fmt: skip
        (tmp_path / f"{split}.json").write_text(json.dumps(content))
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "1.jpg").write_bytes(b"a photo")
    return tmp_path


def test_a_competition_set(competition: Path, inspected: Inspected) -> None:
    found = inspected(competition)
    assert found.faults == ()
    assert found.format == "competition"
    assert (found.photos, found.observations) == (6, None)
    assert found.licenses == (Count("CC-BY-NC", 6),)
    assert found.taxa is not None
    assert found.taxa.leaves == 2
    assert found.places is not None
    assert (found.places.known, found.places.of) == (6, 6)
    assert found.places.years == (Count("2019", 6),)
    assert found.notes[0] == (
        "5 of 6 photos are not on disk (83.3%). Unpack the competition's archives of photos beside "
        "its JSON files."
    )
    assert inspected(competition / "train.json").photos == 6


def test_a_broken_competition_set(competition: Path, inspected: Inspected) -> None:
    path = competition / "train.json"
    path.write_text(path.read_text().replace('"id": 2, "file_name"', '"id": "?", "file_name"'))
    found = inspected(competition)
    assert [split.photos for split in found.splits] == [2, 3]
    (faults,) = found.faults
    assert faults.path == str(path)
    assert faults.count == 2
    assert faults.faults[0].startswith("row 1, column images.id: ")


def test_what_cannot_be_read_at_all_is_an_error(tmp_path: Path, inspected: Inspected) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        inspected(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is no export that Fieldmark knows"):
        inspected(tmp_path)
    (tmp_path / "train_data.csv").write_text("")
    with pytest.raises(DataError, match="is not a vision export"):
        inspected(tmp_path)


def test_real_birds(shared_data: Path, inspected: Inspected) -> None:
    found = inspected(shared_data / "vision-export-birds100")
    assert found.faults == ()
    assert [(s.name, s.photos, s.taxa) for s in found.splits] == [
        ("train", 4185, 100), ("val", 850, 100), ("test", 867, 100),
    ]  # fmt: skip
    assert found.photos_on_disk is not None
    assert (found.photos_on_disk.looked_at, found.photos_on_disk.found) == (2000, 2000)
    whole = inspected(shared_data / "vision-export-birds100", sample_size=None)
    assert whole.photos_on_disk is not None
    assert (whole.photos_on_disk.looked_at, whole.photos_on_disk.found) == (5902, 5902)


def test_the_exporters_own_leaks(shared_data: Path, inspected: Inspected) -> None:
    leaks = inspected(shared_data / "metadata" / "vision-export-sample").leaks
    assert {leak.kind: leak.count for leak in leaks} == {
        "observations in two splits": 5,
        "photos in two splits": 5,
        "observations under two leaves": 20,
        "photos under two leaves": 39,
        "photos twice in one split": 34,
    }
