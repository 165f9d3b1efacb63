from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tiny_replicas
import train_on_logical_devices
from tiny_training import write_split

from components.progressive_trainer import networks
from components.progressive_trainer.devices import Devices, find_devices
from components.progressive_trainer.photo_order import Share
from schemas.errors import ConfigError

COMPARED = (
    *("train_loss", "train_top1", "train_top3", "train_top5"),
    *("val_loss", "val_top1", "val_top3", "val_top5"),
    *("learning_rate", "examples_seen"),
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    write_split(root / "train", tiny_replicas.TRAIN_PHOTOS, files=3)
    write_split(root / "val", tiny_replicas.VAL_PHOTOS, files=2)
    return root


@pytest.fixture(scope="module", params=[2, 4])
def on_several(
    request: pytest.FixtureRequest, photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, Path]:
    target = tmp_path_factory.mktemp("several")
    script = Path(__file__).parent / "train_on_logical_devices.py"
    done = subprocess.run(
        [sys.executable, str(script), str(photos), str(target), str(request.param)],
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return request.param, target


@pytest.fixture(scope="module")
def on_one(photos: Path) -> tuple[list[np.ndarray], list[dict[str, Any]]]:
    before = networks.SMALL_WIDTHS
    one = Devices(tf.distribute.get_strategy(), Share(), "1 CPU")
    trained = tiny_replicas.train(photos, one, tiny_replicas.OPTIMIZERS[0])
    networks.SMALL_WIDTHS = before
    return trained


def test_several_devices_train_what_one_trains(
    on_one: tuple[list[np.ndarray], list[dict[str, Any]]], on_several: tuple[int, Path]
) -> None:
    (weights, history), (count, several) = on_one, on_several
    optimizer = tiny_replicas.OPTIMIZERS[0]

    description, their_history = json.loads((several / f"{optimizer}.json").read_text())

    assert description == f"{count} logical CPU devices"
    for ours, theirs in zip(history, their_history, strict=True):
        assert [ours[key] for key in COMPARED] == pytest.approx(
            [theirs[key] for key in COMPARED], abs=1e-5, rel=1e-5
        )
    for mine, other in zip(weights, tiny_replicas.load(several, optimizer), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5, rtol=1e-5)


def test_step_that_overflowed_on_one_replica_is_skipped_by_all(
    on_several: tuple[int, Path],
) -> None:
    count, several = on_several

    by_none, by_the_first, by_the_last = json.loads((several / "skips.json").read_text())

    assert by_none == [False] * count
    assert by_the_first == by_the_last == [True] * count


def test_clip_of_all_optimizers_and_precisions_is_that_of_one_device(
    on_several: tuple[int, Path],
) -> None:
    _, several = on_several
    one = Devices(tf.distribute.get_strategy(), Share(), "1 CPU")

    wanted = train_on_logical_devices.all_clipped(one)

    clipped = json.loads((several / "clipped.json").read_text())
    assert clipped.keys() == wanted.keys()
    for name, values in clipped.items():
        assert values == pytest.approx(wanted[name], rel=1e-6), name


def test_one_cpu_is_the_default_strategy() -> None:
    devices = find_devices(1)

    assert (devices.replicas, devices.is_chief, devices.description) == (1, True, "1 CPU")


def test_logical_devices_on_several_machines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))

    with pytest.raises(ConfigError) as caught:
        find_devices(2)

    assert str(caught.value) == (
        "trainer.logical_cpu_devices must be 1 on several machines without GPUs: TensorFlow makes "
        "one replica of a machine's CPU there. Received: 2. Take the setting out, or TF_CONFIG out "
        "of the environment."
    )
