from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tiny_replicas
from tiny_training import write_split

from components.progressive_trainer import networks
from components.progressive_trainer.devices import Devices, find_devices
from components.progressive_trainer.photo_stream import Share

COMPARED = ("train_loss", "train_top1", "val_loss", "val_top1", "learning_rate", "examples_seen")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    write_split(root / "train", tiny_replicas.TRAIN_PHOTOS, files=3)
    write_split(root / "val", tiny_replicas.VAL_PHOTOS, files=2)
    return root


@pytest.fixture(scope="module")
def on_two(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("two")
    script = Path(__file__).parent / "train_on_two_devices.py"
    done = subprocess.run(
        [sys.executable, str(script), str(photos), str(target)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return target


@pytest.fixture(autouse=True)
def widths_as_they_were() -> Iterator[None]:
    before = networks.SMALL_WIDTHS
    yield
    networks.SMALL_WIDTHS = before


@pytest.mark.parametrize("optimizer", tiny_replicas.OPTIMIZERS)
def test_two_devices_train_what_one_trains(photos: Path, on_two: Path, optimizer: str) -> None:
    one = Devices(tf.distribute.get_strategy(), Share(), "1 CPU")

    weights, history = tiny_replicas.train(photos, one, optimizer)

    description, on_two_history = json.loads((on_two / f"{optimizer}.json").read_text())
    assert description == "2 logical CPU devices"
    for ours, theirs in zip(history, on_two_history, strict=True):
        assert [ours[key] for key in COMPARED] == pytest.approx(
            [theirs[key] for key in COMPARED], abs=1e-5, rel=1e-5
        )
    for ours, theirs in zip(weights, tiny_replicas.load(on_two, optimizer), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=1e-5)


def test_one_cpu_is_the_default_strategy() -> None:
    devices = find_devices(1)

    assert (devices.replicas, devices.is_chief, devices.description) == (1, True, "1 CPU")
