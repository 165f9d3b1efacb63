from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import tensorflow as tf
from example_gen_run import Outcome, photo_ids, run
from PIL import Image
from tfx.types import artifact_utils

from components.export_example_gen.executor import FAILED_LIST_PREFIX
from pipeline.demo_world.export import draw_export, photo_path
from schemas import record
from schemas.errors import DataError, FieldmarkError
from schemas.photo_row import PhotoRow
from schemas.taxonomy_csv import read_taxonomy
from schemas.vision_export import VisionExport


@dataclass(frozen=True)
class Spoiled:
    """A demo export with faults, and where they are."""

    directory: Path
    rows: dict[str, list[PhotoRow]]
    missing: PhotoRow
    html: PhotoRow
    png: PhotoRow
    turned: PhotoRow
    leaked: PhotoRow
    leaked_row_number: int


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Spoiled:
    directory = tmp_path_factory.mktemp("world") / "export"
    draw_export(directory, species=6, photos=60, size_px=(96, 160), jobs=1)
    export = VisionExport.open(directory)
    rows = {split: list(export.rows(split)) for split in export.split_paths}
    once = Counter(row.observation_id for split in rows for row in rows[split])
    alone = [row for row in rows["train"] if once[row.observation_id] == 1]
    missing, html, png, turned, leaked = alone[:5]
    photo_path(directory, missing.photo_id).unlink()
    photo_path(directory, html.photo_id).write_text("<html>429 Too Many Requests</html>")
    Image.new("RGB", (80, 60), (10, 200, 30)).save(photo_path(directory, png.photo_id), "PNG")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (80, 60)).save(photo_path(directory, turned.photo_id), "JPEG", exif=exif)
    line = (directory / "train_data.csv").read_text().splitlines()[leaked.row_number - 1]
    with (directory / "val_data.csv").open("a") as file:
        file.write(line + "\n")
    return Spoiled(
        directory, rows, missing, html, png, turned, leaked, rows["val"][-1].row_number + 1
    )


@pytest.fixture(scope="module")
def outcome(spoiled: Spoiled, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    root = tmp_path_factory.mktemp("run")
    return run(spoiled.directory, root / "a", max_unusable_share=0.5, photos_per_file=12)


@pytest.fixture
def own_temp_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def features_of(outcome: Outcome, photo_id: int) -> dict[str, tf.train.Feature]:
    for split in artifact_utils.decode_split_names(outcome.examples.split_names):
        for example in outcome.records(split):
            features = example.features.feature
            if features[record.PHOTO_ID].int64_list.value[0] == photo_id:
                return dict(features)
    raise AssertionError(f"no record of photo {photo_id}")


def test_splits_are_the_exports_own(outcome: Outcome, spoiled: Spoiled) -> None:
    split_names = artifact_utils.decode_split_names(outcome.examples.split_names)

    assert split_names == ["train", "val", "test"]
    lost = {spoiled.missing.photo_id, spoiled.html.photo_id, spoiled.leaked.photo_id}
    expected = {
        split: Counter({row.photo_id for row in rows} - lost)
        for split, rows in spoiled.rows.items()
    }
    expected["val"][spoiled.leaked.photo_id] += 1
    assert {split: photo_ids(outcome.records(split)) for split in split_names} == expected


def test_set_aside_lists_each_fault_with_file_row_and_reason(
    outcome: Outcome, spoiled: Spoiled
) -> None:
    assert outcome.set_aside == [
        {
            "file": "train_data.csv",
            "row": str(row.row_number),
            "photo_id": str(row.photo_id),
            "kind": kind,
            "reason": reason,
        }
        for row, kind, reason in sorted(
            [
                (
                    spoiled.missing,
                    "unusable",
                    "no file on disk; `fieldmark fetch-photos` fetches it",
                ),
                (spoiled.html, "unusable", "no picture: the file starts with b'<html>429 To'"),
                (
                    spoiled.leaked,
                    "leak",
                    f"leak: its observation is also in val, row {spoiled.leaked_row_number}, "
                    f"under taxon {spoiled.leaked.taxon_id}",
                ),
            ],
            key=lambda fault: fault[0].row_number,
        )
    ]


def test_record_of_a_png_named_jpg_is_a_jpeg(outcome: Outcome, spoiled: Spoiled) -> None:
    features = features_of(outcome, spoiled.png.photo_id)

    image = tf.io.decode_jpeg(features[record.IMAGE].bytes_list.value[0])
    assert image.shape == (60, 80, 3)


def test_record_carries_bytes_orientation_and_row_as_they_are(
    outcome: Outcome, spoiled: Spoiled
) -> None:
    row = spoiled.turned
    features = features_of(outcome, row.photo_id)

    stored = photo_path(spoiled.directory, row.photo_id).read_bytes()
    assert features[record.IMAGE].bytes_list.value[0] == stored
    numbers = {
        name: features[name].int64_list.value[0]
        for name in (record.ORIENTATION, record.OBSERVATION_ID, record.TAXON_ID, record.COMMUNITY)
    }
    assert numbers == {
        record.ORIENTATION: 6,
        record.OBSERVATION_ID: row.observation_id,
        record.TAXON_ID: row.taxon_id,
        record.COMMUNITY: int(row.community is not False),
    }


def test_records_carry_the_place_and_date_of_their_observation(
    outcome: Outcome, spoiled: Spoiled
) -> None:
    places = {
        place.observation_id: place for place in VisionExport.open(spoiled.directory).spatial_rows()
    }
    checked = 0
    for example in outcome.records("train"):
        features = example.features.feature
        place = places.get(features[record.OBSERVATION_ID].int64_list.value[0])
        assert (place is not None) == (record.LATITUDE in features)
        if place is not None:
            checked += 1
            assert features[record.LATITUDE].float_list.value[0] == pytest.approx(place.latitude)
            assert features[record.LONGITUDE].float_list.value[0] == pytest.approx(place.longitude)
    assert checked > 0


def test_taxonomy_artifact_gives_the_leaves_in_class_order(
    outcome: Outcome, spoiled: Spoiled
) -> None:
    folder = outcome.root / "taxonomy"
    given = read_taxonomy(spoiled.directory / "taxonomy.csv").leaf_taxon_ids

    assert (folder / "leaf_taxa.txt").read_text() == "".join(f"{taxon}\n" for taxon in given)
    assert read_taxonomy(folder / "taxonomy.csv").leaf_taxon_ids.tolist() == given.tolist()


def test_split_directories_hold_whole_files_and_nothing_else(outcome: Outcome) -> None:
    names = [path.name for split in ("train", "val", "test") for path in outcome.files(split)]

    assert len(outcome.files("train")) > 1
    assert all(name.startswith("data_tfrecord-") and name.endswith(".gz") for name in names)


def test_same_export_gives_the_same_bytes_and_leaves_no_temporary_list(
    outcome: Outcome, spoiled: Spoiled, tmp_path: Path, own_temp_dir: Path
) -> None:
    again = run(spoiled.directory, tmp_path / "b", max_unusable_share=0.5, photos_per_file=12)

    assert again.digests() == outcome.digests()
    assert list(own_temp_dir.glob(f"{FAILED_LIST_PREFIX}*")) == []


def test_too_many_unusable_photos_stop_the_run_and_the_list_outlives_it(
    spoiled: Spoiled, tmp_path: Path, own_temp_dir: Path
) -> None:
    with pytest.raises(FieldmarkError) as caught:
        run(spoiled.directory, tmp_path / "c")

    (listed,) = own_temp_dir.glob(f"{FAILED_LIST_PREFIX}*.csv")
    judged = len(spoiled.rows["train"]) - 1  # the leak is no photo of train any more
    reasons = ("no file on disk; `fieldmark fetch-photos` fetches it", "no picture: ")
    message = str(caught.value)
    assert message.startswith(
        f"train_data.csv: 2 of {judged} photos cannot be used, and export.max_unusable_share "
        "allows 1.00%. Mostly: 1 x "
    )
    assert all(reason in message for reason in reasons)
    assert message.endswith(
        f" The whole list: {listed}. Fetch or replace the photos, or raise the share."
    )
    assert len(listed.read_text().splitlines()) == 4


def test_rows_of_another_taxonomy_are_refused_before_any_photo_is_read(
    spoiled: Spoiled, tmp_path: Path
) -> None:
    directory = tmp_path / "export"
    shutil.copytree(spoiled.directory, directory, ignore=shutil.ignore_patterns("photos"))
    header, first, *rest = (directory / "val_data.csv").read_text().splitlines()
    cells = dict(zip(header.split(","), first.split(","), strict=True)) | {"leaf_class_id": "99"}
    lines = [header, ",".join(cells.values()), *rest]
    (directory / "val_data.csv").write_text("\n".join(lines) + "\n")

    with pytest.raises(DataError, match=r"leaf_class_id: 99 is none of the taxonomy's, 0\.\.5"):
        run(directory, tmp_path / "e", max_unusable_share=1.0)

    assert not any((tmp_path / "e" / "examples").rglob("data_tfrecord-*"))


def as_written_in(generation: str, new: Path, directory: Path) -> Path:
    """Rewrites an export with the columns that iNaturalist wrote in other years."""
    shutil.copytree(new / "photos", directory / "photos")
    taxonomy = [line.split(",") for line in (new / "taxonomy.csv").read_text().splitlines()]
    if generation == "2022":
        lines = [",".join(cells[:7]) for cells in taxonomy]
        (directory / "taxonomy.csv").write_text("\n".join(lines) + "\n")
        for split in ("train", "val", "test"):
            shutil.copy(new / f"{split}_data.csv", directory)
        return directory
    # As pandas left them: 10.0 for a rank level, 12.0 for a class where others are empty.
    lines = ["parent_taxon_id,taxon_id,rank_level,leaf_class_id,name"]
    for parent, taxon, level, leaf, _, _, name, *_ in taxonomy[1:]:
        lines.append(f"{parent},{taxon},{float(level)},{leaf and float(leaf)},{name}")
    (directory / "taxonomy_data.csv").write_text("\n".join(lines) + "\n")
    for split, rows in ((s, VisionExport.open(new).rows(s)) for s in ("train", "val", "test")):
        lines = ["id,filename,labels,texts"]
        for row in rows:
            name = photo_path(Path(), row.photo_id)
            lines.append(f"{row.photo_id},{name},{row.leaf_class_id},{row.taxon_id}")
        (directory / f"{split}_data.csv").write_text("\n".join(lines) + "\n")
    return directory


@pytest.mark.parametrize("generation", ["2018-2021", "2022"])
def test_older_generations_give_the_same_photos_with_the_same_labels(
    generation: str, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    draw_export(new, species=6, photos=60, size_px=(96, 160), jobs=1)
    old = as_written_in(generation, new, tmp_path / "old")
    outcomes = [run(export, tmp_path / f"from-{export.name}") for export in (new, old)]
    for split in ("train", "val", "test"):
        photos = [
            {
                example.features.feature[record.PHOTO_ID].int64_list.value[0]: (
                    example.features.feature[record.TAXON_ID].int64_list.value[0],
                    example.features.feature[record.IMAGE].bytes_list.value[0],
                    example.features.feature[record.ICONIC_TAXON].bytes_list.value[0],
                )
                for example in outcome.records(split)
            }
            for outcome in outcomes
        ]
        assert photos[0] == photos[1]
        assert photos[0]
