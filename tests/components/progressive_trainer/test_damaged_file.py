"""A file of val photos that is damaged is named, among all that are read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from tiny_training import write_records

from components.progressive_trainer.damaged_file import damage_named
from components.progressive_trainer.devices import find_devices
from components.progressive_trainer.photo_stream import count_photos
from components.progressive_trainer.stop_request import StopRequest
from components.progressive_trainer.validation import validate
from schemas.errors import FieldmarkError

PHOTOS = 9


def validated(files: list[str]) -> object:
    """What a network that loses nothing would be told of these photos."""
    return validate(
        lambda *_: tuple(tf.zeros([]) for _ in range(5)),
        files,
        num_photos=PHOTOS,
        image_size_px=32,
        global_batch=3,
        devices=find_devices(1),
        stop=StopRequest(),
    )


@pytest.mark.parametrize("level", [0, 6])
@pytest.mark.parametrize("read", [count_photos, validated])
def test_damaged_one_of_several_files_is_named(
    tmp_path: Path, read: Callable[[list[str]], object], level: int
) -> None:
    files = write_records(tmp_path, range(PHOTOS), files=3, level=level)
    read(files)
    os.truncate(files[1], Path(files[1]).stat().st_size // 2)

    with pytest.raises(FieldmarkError, match=rf"^{re.escape(files[1])} is damaged, or was cut off"):
        read(files)


def test_other_errors_and_those_of_other_files_stay_as_they_are(tmp_path: Path) -> None:
    files = write_records(tmp_path, range(PHOTOS), files=3)
    lost = tf.errors.DataLossError(None, None, "of a checkpoint")

    with pytest.raises(tf.errors.DataLossError) as caught, damage_named(files):
        raise lost

    assert caught.value is lost
