"""Where photos lie is looked up once a run, and only where it is of use."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tiny_training import write_records

from components.progressive_trainer import remembered_counts
from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import find_devices
from components.progressive_trainer.locating import LOCATED_FILE, training_photos
from components.progressive_trainer.photo_files import PhotoFiles
from components.progressive_trainer.photos import Photos
from components.progressive_trainer.remembered_counts import COUNTS_FILE, RememberedCounts
from components.progressive_trainer.schedule import stages
from components.progressive_trainer.training_batches import training_batches
from components.stored_records import WRITE_ANEW
from schemas.errors import FieldmarkError
from schemas.events import EVENTS_VARIABLE

LABELS = [4, 0, 0, 2, 4, 1, 0, 2, 0]
OF_LEAVES = [4, 1, 2, 0, 2, 0]
PHOTOS = len(LABELS)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    return write_records(tmp_path, LABELS, files=2)


def settings(**given: object) -> TrainerSettings:
    return TrainerSettings.model_validate({"shuffle_buffer_photos": 5, **given})


def found(
    files: list[str], run: Path, *, writes: bool = True, num_leaves: int = 6, **given: object
) -> Photos:
    """The photos of a training that begins, or goes on, with these files."""
    counts = RememberedCounts(run, writes=writes)
    return training_photos(
        files, settings(**given), counts, run, num_leaves=num_leaves, writes=writes
    )


def test_photos_that_are_not_held_are_located(files: list[str], tmp_path: Path) -> None:
    train = found(files, tmp_path / "run")

    assert train.located is not None
    assert train.located.paths == sorted(files)
    assert train.located.file_number.shape == (PHOTOS,)


HELD_OR_IN_ORDER = [{"shuffle_buffer_photos": PHOTOS}, {"file_order": True}]


@pytest.mark.parametrize("given", HELD_OR_IN_ORDER)
def test_photos_that_are_held_or_read_in_order_are_not(
    files: list[str], tmp_path: Path, given: dict[str, object]
) -> None:
    assert found(files, tmp_path / "run", **given).located is None
    assert [path.name for path in (tmp_path / "run").iterdir()] == [COUNTS_FILE]


@pytest.mark.parametrize("level", [0, 6])
@pytest.mark.parametrize("given", [{}, *HELD_OR_IN_ORDER])
def test_photos_are_counted_by_leaf_however_they_are_read(
    tmp_path: Path, level: int, given: dict[str, object]
) -> None:
    train = found(write_records(tmp_path, LABELS, files=2, level=level), tmp_path, **given)

    assert train.count == PHOTOS
    assert train.of_leaves is not None
    assert train.of_leaves.tolist() == OF_LEAVES


@pytest.mark.parametrize("given", [{}, *HELD_OR_IN_ORDER])
def test_second_start_looks_at_no_record(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, object]
) -> None:
    first = found(files, tmp_path / "run", **given)
    monkeypatch.delattr(PhotoFiles, "of")
    monkeypatch.delattr(remembered_counts, "count_labels")
    second = found(files, tmp_path / "run", **given)

    assert first.of_leaves is not None
    assert second.of_leaves is not None
    assert (first.of_leaves == second.of_leaves).all()
    assert (first.located is None) == (second.located is None)
    if first.located and second.located:
        assert (first.located.begin.numpy() == second.located.begin.numpy()).all()


def test_first_start_makes_one_pass(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(remembered_counts, "count_labels")

    assert found(files, tmp_path / "run").count == PHOTOS


def test_smaller_buffer_locates_photos_that_were_held(files: list[str], tmp_path: Path) -> None:
    assert found(files, tmp_path, shuffle_buffer_photos=PHOTOS).located is None
    assert found(files, tmp_path).located is not None


def test_file_that_was_written_anew_is_located_anew(files: list[str], tmp_path: Path) -> None:
    found(files, tmp_path / "run")
    os.utime(files[0], ns=(1, 1))

    again = found(files, tmp_path / "run")

    assert again.located
    assert again.located.states[0].changed_ns == 1
    assert PhotoFiles.remembered(sorted(files), tmp_path / "run" / LOCATED_FILE)


def test_other_machines_read_and_write_nothing(files: list[str], tmp_path: Path) -> None:
    assert found(files, tmp_path / "run", writes=False).located
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("given", [{}, *HELD_OR_IN_ORDER])
def test_label_of_no_leaf_is_refused(
    files: list[str], tmp_path: Path, given: dict[str, object]
) -> None:
    with pytest.raises(FieldmarkError, match="has the label 4, and the taxonomy has leaves 0 to 3"):
        found(files, tmp_path, num_leaves=4, **given)


def test_no_file_has_no_photo(tmp_path: Path) -> None:
    assert found([], tmp_path).count == 0


@pytest.mark.parametrize("given", [{}, *HELD_OR_IN_ORDER])
def test_file_that_is_damaged_is_named(
    files: list[str], tmp_path: Path, given: dict[str, object]
) -> None:
    content = bytearray(Path(files[1]).read_bytes())
    content[len(content) // 2] ^= 1
    Path(files[1]).write_bytes(content)

    with pytest.raises(FieldmarkError) as caught:
        found(files, tmp_path / "run", **given)

    assert files[1] in str(caught.value)
    assert files[0] not in str(caught.value)
    assert str(caught.value).endswith(WRITE_ANEW)


def test_photos_that_were_deflated_are_read_in_order_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_records(tmp_path, LABELS, files=2, level=6)
    events = tmp_path / "events"
    monkeypatch.setenv(EVENTS_VARIABLE, str(events))

    assert found(files, tmp_path, shuffle_buffer_photos=PHOTOS).located is None
    assert not events.exists() or '"note"' not in events.read_text()
    assert found(files, tmp_path).located is None

    notes = [json.loads(line) for line in events.read_text().splitlines()]
    (text,) = [note["text"] for note in notes if note["kind"] == "note"]
    assert text.startswith("training photos are read in the order of their files: ")
    assert files[0] in text


ONE_STAGE = {
    "stages": [{"image_size_px": 32, "global_batch": 3, "epochs": 4, "learning_rate": 0.1}]
}


def take_all(train: Photos, given: TrainerSettings) -> None:
    """Reads the batches of a training."""
    (stage,) = stages(given.schedule, num_photos=PHOTOS)
    batches = training_batches(train, stage, given, find_devices(1), seen=0, end=4 * PHOTOS)
    for _ in batches:
        pass


def test_file_that_becomes_shorter_in_training_is_named(files: list[str], tmp_path: Path) -> None:
    train = found(files, tmp_path / "run")
    for file in files:
        os.truncate(file, 100)

    with pytest.raises(FieldmarkError, match=r"\.gz was written anew since training looked at it"):
        take_all(train, settings(schedule=ONE_STAGE))


def test_file_that_is_damaged_while_it_is_read_in_order_is_named(
    files: list[str], tmp_path: Path
) -> None:
    train = found(files, tmp_path / "run", file_order=True)
    os.truncate(files[1], 3000)

    with pytest.raises(
        FieldmarkError, match=r"is damaged, or was cut off \(TensorFlow: "
    ) as caught:
        take_all(train, settings(schedule=ONE_STAGE, file_order=True))

    assert str(caught.value).startswith(files[1])
