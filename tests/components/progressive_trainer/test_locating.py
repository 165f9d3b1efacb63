"""Where photos lie is looked up once a run, and only where it is of use."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tiny_training import write_records

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import find_devices
from components.progressive_trainer.locating import LOCATED_FILE, located
from components.progressive_trainer.photo_files import PhotoFiles
from components.progressive_trainer.photos import Photos
from components.progressive_trainer.schedule import stages
from components.progressive_trainer.training_batches import training_batches
from schemas.errors import FieldmarkError
from schemas.events import EVENTS_VARIABLE

PHOTOS = 9


@pytest.fixture
def train(tmp_path: Path) -> Photos:
    return Photos(write_records(tmp_path, range(PHOTOS), files=2), PHOTOS)


def settings(**given: object) -> TrainerSettings:
    return TrainerSettings.model_validate({"shuffle_buffer_photos": 5, **given})


def test_photos_that_are_not_held_are_located(train: Photos, tmp_path: Path) -> None:
    found = located(train, settings(), tmp_path / "run", writes=True)

    assert found.located is not None
    assert found.located.paths == sorted(train.files)
    assert found.located.file_number.shape == (PHOTOS,)


@pytest.mark.parametrize("given", [{"shuffle_buffer_photos": PHOTOS}, {"file_order": True}])
def test_photos_that_are_held_or_read_in_order_are_not(
    train: Photos, tmp_path: Path, given: dict[str, object]
) -> None:
    assert located(train, settings(**given), tmp_path / "run", writes=True) is train
    assert not (tmp_path / "run").exists()


def test_second_start_looks_at_no_record(
    train: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = located(train, settings(), tmp_path, writes=True)
    with monkeypatch.context() as patch:
        patch.delattr(PhotoFiles, "of")
        second = located(train, settings(), tmp_path, writes=True)

    assert first.located
    assert second.located
    assert (first.located.begin.numpy() == second.located.begin.numpy()).all()


def test_file_that_was_written_anew_is_located_anew(train: Photos, tmp_path: Path) -> None:
    located(train, settings(), tmp_path / "run", writes=True)
    os.utime(train.files[0], ns=(1, 1))

    again = located(train, settings(), tmp_path / "run", writes=True)

    assert again.located
    assert again.located.states[0].changed_ns == 1
    assert PhotoFiles.remembered(sorted(train.files), tmp_path / "run" / LOCATED_FILE)


def test_other_machines_read_and_write_nothing(train: Photos, tmp_path: Path) -> None:
    assert located(train, settings(), tmp_path / "run", writes=False).located
    assert not (tmp_path / "run").exists()


def test_photos_that_were_deflated_are_read_in_order_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Photos(write_records(tmp_path, range(PHOTOS), files=2, level=6), PHOTOS)
    events = tmp_path / "events"
    monkeypatch.setenv(EVENTS_VARIABLE, str(events))

    assert located(train, settings(), tmp_path, writes=True) is train

    notes = [json.loads(line) for line in events.read_text().splitlines()]
    (text,) = [note["text"] for note in notes if note["kind"] == "note"]
    assert text.startswith("training photos are read in the order of their files: ")
    assert train.files[0] in text


def test_file_that_becomes_shorter_in_training_is_named(train: Photos, tmp_path: Path) -> None:
    given = settings(
        schedule={
            "stages": [{"image_size_px": 32, "global_batch": 3, "epochs": 4, "learning_rate": 0.1}]
        }
    )
    found = located(train, given, tmp_path / "run", writes=True)
    (stage,) = stages(given.schedule, num_photos=PHOTOS)
    for file in train.files:
        os.truncate(file, 100)

    batches = training_batches(found, stage, given, find_devices(1), seen=0, end=4 * PHOTOS)

    with pytest.raises(FieldmarkError, match=r"\.gz was written anew since training looked at it"):
        list(batches)
