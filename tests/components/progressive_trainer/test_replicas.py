from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import forked
import pytest
import tensorflow as tf
import tiny_replicas
import train_on_logical_devices
from tiny_training import write_split
from updates import relative_differences

from components.progressive_trainer import networks
from components.progressive_trainer.devices import Devices, find_devices
from components.progressive_trainer.photo_order import Share
from schemas.errors import ConfigError

LOSSES = ("train_loss", "val_loss")
COMPARED = (
    *LOSSES,
    *("train_top1", "train_top3", "train_top5"),
    *("val_top1", "val_top3", "val_top5"),
    *("learning_rate", "examples_seen"),
)
ROUNDING = 2e-4
"""Of the largest of a variable's update, in float32: 2e-5 was seen. One replica's gradient taken
for a tenth too large makes it 0.1."""

ROUNDING_IN_HALF = 0.1
"""In mixed_float16, which has three digits: 4e-2 was seen, 4e-4 in the middle. One replica's
gradient taken for a tenth too large makes it 0.12, for twice too large 0.6."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    write_split(root / "train", tiny_replicas.TRAIN_PHOTOS, files=3)
    write_split(root / "val", tiny_replicas.VAL_PHOTOS, files=2)
    return root


class OnOne(NamedTuple):
    """What one device trained, by name, and the checkpoints of tiny_replicas.RESUMED."""

    trained: dict[str, tiny_replicas.Trained]
    kept: Path


@pytest.fixture(scope="module")
def on_one(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> OnOne:
    before, kept = networks.SMALL_WIDTHS, tmp_path_factory.mktemp("one")
    one = Devices(tf.distribute.get_strategy(), Share(), "1 CPU")
    trained = {
        name: tiny_replicas.train(
            photos, one, name, kept if name == tiny_replicas.RESUMED else None
        )
        for name in tiny_replicas.TRAININGS
    }
    networks.SMALL_WIDTHS = before
    return OnOne(trained, kept)


@pytest.fixture(scope="module", params=[2, 4])
def on_several(
    request: pytest.FixtureRequest,
    photos: Path,
    on_one: OnOne,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[int, Path]:
    """How many, and where they wrote; four train the first alone."""
    names = [*tiny_replicas.TRAININGS][: None if request.param == 2 else 1]
    target = tmp_path_factory.mktemp("several")
    shutil.copytree(on_one.kept, target / "kept")
    shutil.rmtree(target / "kept" / "examples-000000000000016")  # so one step is left
    script = Path(__file__).parent / "train_on_logical_devices.py"
    done = forked.run(script, photos, target, str(request.param), *names, timeout_secs=1200)
    assert done.returncode == 0, done.stderr[-4000:]
    return request.param, target


def test_several_devices_train_what_one_trains(on_one: OnOne, on_several: tuple[int, Path]) -> None:
    count, several = on_several

    for path in sorted(several.glob("*.npz")):
        name, in_half = path.stem, path.stem.endswith("float16")
        one = on_one.trained[name]
        description, history = json.loads((several / f"{name}.json").read_text())
        assert description == f"{count} logical CPU devices"
        for ours, theirs in zip(one.history, history, strict=True):
            columns, rounding = (LOSSES, 1e-3) if in_half else (COMPARED, 1e-5)
            assert [ours[key] for key in columns] == pytest.approx(
                [theirs[key] for key in columns], abs=rounding, rel=rounding
            )
        apart = relative_differences(one.before, one.after, tiny_replicas.load(several, name))
        assert max(apart) < (ROUNDING_IN_HALF if in_half else ROUNDING), name


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
