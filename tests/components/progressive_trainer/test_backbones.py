"""The trainer's promises, each for every backbone: on weights and layers of its own kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import forked
import pytest
import train_backbone
from tiny_training import write_split

from components.progressive_trainer.config import Network

pytestmark = pytest.mark.timeout(3600)

TIMES = ("train_secs", "val_secs", "wall_secs", "photos_per_sec", "data_wait_share")
IN_EVERY_RUN = ("small",)
"""Tracing a deep one seven times takes minutes."""

BACKBONES = [
    *IN_EVERY_RUN,
    *(
        pytest.param(network, marks=pytest.mark.every_backbone)
        for network in get_args(Network)
        if network not in IN_EVERY_RUN
    ),
]
ROUNDING = 1e-7
"""Of a variable's update, in float64: 1e-12 was seen in `small`, 6e-10 in EfficientNet-Lite3, whose
second step makes 1e-4 of a float32 loss's last bit. One replica's gradient taken for a hundredth
too large makes it 2e-2 in `small`, 0.7 in MobileNet."""

NOT_DECAYED = {"beta", "bias", "gamma"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    write_split(root / "train", train_backbone.TRAIN_PHOTOS, files=3)
    write_split(root / "val", train_backbone.VAL_PHOTOS, files=2)
    return root


@pytest.fixture(scope="module", params=BACKBONES)
def promises(
    request: pytest.FixtureRequest, photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What `train_backbone` wrote about one backbone, its SavedModel checked on the way."""
    target = tmp_path_factory.mktemp(request.param)
    script = Path(train_backbone.__file__)
    done = forked.run(script, request.param, photos, target, timeout_secs=3600)
    assert done.returncode == 0, done.stderr[-4000:]
    written: dict[str, Any] = json.loads((target / "promises.json").read_text())
    return written


def without_times(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: row[key] for key in row if key not in TIMES} for row in history]


def test_resumed_run_ends_with_the_same_bits(promises: dict[str, Any]) -> None:
    assert promises["resume_difference"] == 0.0
    assert without_times(promises["history_resumed"]) == without_times(promises["history"])


def test_two_replicas_learn_what_one_device_learns(promises: dict[str, Any]) -> None:
    assert promises["replica_difference"] < ROUNDING
    for ours, theirs in zip(promises["history_alone"], promises["history_replicas"], strict=True):
        for key in ("train_loss", "val_loss"):
            assert ours[key] == pytest.approx(theirs[key], rel=1e-6)


def test_step_is_traced_once_a_stage(promises: dict[str, Any]) -> None:
    whole, resumed_in_the_second, second_alone, on_two_replicas = promises["traces"]
    assert whole == [1, 1]
    assert resumed_in_the_second == second_alone == on_two_replicas == [1]


def test_average_of_the_weights_is_what_is_exported(promises: dict[str, Any]) -> None:
    assert promises["average_differs"] > 0
    assert promises["warm_starts"]["pushed model"] == 0


def test_training_starts_from_a_weights_file(promises: dict[str, Any]) -> None:
    assert promises["warm_starts"]["weights file"] == 0


def test_head_stage_moves_the_head_and_nothing_else(promises: dict[str, Any]) -> None:
    assert promises["moved_in_head_stage"] == {"head": True, "backbone": False}


def test_weight_decay_is_on_kernels_alone(promises: dict[str, Any]) -> None:
    assert set(promises["left_alone"]) == NOT_DECAYED
    assert promises["decayed"]
    assert not set(promises["decayed"]) & NOT_DECAYED
