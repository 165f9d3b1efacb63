"""A low-rank head, a sampled softmax and a backbone thawed from the top, in the loop itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tiny_training import NUM_LEAVES, settings, stage

from components.progressive_trainer import loop as loop_module
from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.photo_stream import Share, validation_stream
from components.progressive_trainer.stop_request import StopRequest, TrainingStopped
from schemas.errors import ConfigError

pytestmark = pytest.mark.usefixtures("thin_network")

FROZEN_FROM = 16
"""Photos of the first stage, which trains all of the network."""
PLAN = [stage(4, 1.5), {**stage(3, 1, size=40), "trainable": "top:0.5"}]
HEAD = {"head_rank": 4, "sampled_softmax": 2}


class AskingMeter:
    """Asks to stop once so many photos are done."""

    def __init__(self, stop: StopRequest, after: int) -> None:
        self._stop, self._left = stop, after

    def __call__(self, *_: object, **__: object) -> AskingMeter:
        return self

    def add(self, count: int) -> None:
        self._left -= count
        if self._left <= 0:
            self._stop.ask()

    def close(self) -> None:
        pass


def new_loop(
    photos: tuple[Photos, Photos],
    checkpoints: Checkpoints | None = None,
    stop: StopRequest | None = None,
    **values: object,
) -> TrainingLoop:
    return TrainingLoop(
        settings(PLAN, **{**HEAD, **values}),
        num_leaves=NUM_LEAVES,
        train=photos[0],
        val=photos[1],
        devices=Devices(tf.distribute.get_strategy(), Share(), "1 CPU"),
        checkpoints=checkpoints,
        stop=stop,
    )


def stopped(
    photos: tuple[Photos, Photos], checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> TrainingLoop:
    stop = StopRequest()
    loop = new_loop(photos, checkpoints, stop)
    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "Meter", AskingMeter(stop, FROZEN_FROM))
        with pytest.raises(TrainingStopped):
            loop.run()
    return loop


@pytest.fixture(scope="module")
def whole(photos: tuple[Photos, Photos]) -> TrainingLoop:
    loop = new_loop(photos)
    loop.run()
    return loop


def test_training_resumed_is_the_one_never_stopped_and_freezes_the_bottom(
    photos: tuple[Photos, Photos],
    whole: TrainingLoop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoints = Checkpoints(tmp_path)
    first_stage = stopped(photos, checkpoints, monkeypatch)

    resumed = new_loop(photos, checkpoints)
    resumed.run()

    for ours, theirs in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    moved = [
        bool((np.asarray(ours.numpy()) != theirs.numpy()).any())
        for ours, theirs in zip(resumed.model.weights, first_stage.model.weights, strict=True)
    ]
    assert not any(moved[: moved.index(True)])
    assert all(moved[moved.index(True) :])
    assert 5 <= moved.index(True) < len(moved) - 3


def test_validation_of_a_sampled_training_is_over_all_leaves(
    photos: tuple[Photos, Photos], whole: TrainingLoop
) -> None:
    images, labels, _ = next(
        validation_stream(
            photos[1].files, num_photos=7, image_size_px=40, global_batch=7
        ).as_numpy_iterator()
    )
    scores = whole.model(images.astype(np.float32), training=False).numpy()
    right = scores[np.arange(7), labels]
    assert whole.history[-1]["val_loss"] == pytest.approx(-np.log(right).mean(), abs=1e-4)


def test_training_on_a_sample_learns_the_colours(photos: tuple[Photos, Photos]) -> None:
    plan = [stage(6, 10, dropout=0.0, augment=0.0)]
    schedule = settings(plan, weight_decay=0.0, **HEAD).schedule
    loop = new_loop(photos, schedule=schedule.model_dump(), weight_decay=0.0)
    loop.run()
    assert loop.history[-1]["train_loss"] < loop.history[0]["train_loss"] * 0.8
    assert loop.history[-1]["val_loss"] < loop.history[0]["val_loss"]


@pytest.mark.parametrize("rank", [16, 40])
def test_rank_that_saves_nothing_is_refused(photos: tuple[Photos, Photos], rank: int) -> None:
    with pytest.raises(ConfigError) as caught:
        new_loop(photos, head_rank=rank)
    assert str(caught.value) == (
        "trainer.head_rank must be below the 16 features of the network, or it saves nothing. "
        f"Received: {rank}, for 3 leaves. Lower it (a quarter of the features is usual), or set "
        "it to null for a full head."
    )


def test_sample_of_more_leaves_than_there_are_is_refused(photos: tuple[Photos, Photos]) -> None:
    with pytest.raises(ConfigError, match=r"at most all 3 leaves of the taxonomy can be drawn"):
        new_loop(photos, sampled_softmax=4)
