from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tiny_training import NUM_LEAVES, THIN, settings, stage, write_split

from components.progressive_trainer import networks
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import TrainingLoop
from components.progressive_trainer.photo_order import Share

PHOTOS, BATCH = 12, 4


class Clock:
    """Time passes only where a test says so."""

    def __init__(self) -> None:
        self.now_secs = 0.0

    def __call__(self) -> float:
        return self.now_secs

    def taking(self, secs: float, call: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a call that takes so long."""

        def timed(*args: Any) -> Any:
            self.now_secs += secs
            return call(*args)

        return timed


class SlowBatches:
    """Batches that have to be waited for."""

    def __init__(self, batches: Iterator[Any], clock: Clock, secs: float) -> None:
        self._next = clock.taking(secs, lambda: next(batches))

    def __next__(self) -> Any:
        return self._next()


@pytest.mark.parametrize(
    ("wait_secs", "step_secs", "share"), [(3.0, 1.0, 0.75), (0.001, 1.0, 0.001), (0.0, 2.0, 0.0)]
)
def test_share_of_waiting_for_photos_is_the_true_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wait_secs: float,
    step_secs: float,
    share: float,
) -> None:
    monkeypatch.setattr(networks, "SMALL_WIDTHS", THIN)
    clock = Clock()
    loop = TrainingLoop(
        settings([stage(BATCH, 2)]),
        num_leaves=NUM_LEAVES,
        train=write_split(tmp_path / "train", PHOTOS, files=2),
        val=write_split(tmp_path / "val", 4, files=1),
        devices=Devices(tf.distribute.get_strategy(), Share(), "1 CPU"),
        checkpoints=None,
        clock=clock,
    )
    training, validation = loop._steps.training, loop._steps.validation
    batches = loop._training_batches
    monkeypatch.setattr(
        loop, "_training_batches", lambda *at: SlowBatches(batches(*at), clock, wait_secs)
    )
    monkeypatch.setattr(
        loop._steps, "training", lambda stage, parts: clock.taking(step_secs, training(stage))
    )
    # What validation takes is not the training's.
    monkeypatch.setattr(loop._steps, "validation", lambda *at: clock.taking(50.0, validation(*at)))

    loop.run()

    shares = [epoch["data_wait_share"] for epoch in loop.history]
    assert shares == pytest.approx([share] * 2, abs=1e-3)
    steps_an_epoch = PHOTOS // BATCH
    assert [epoch["train_secs"] for epoch in loop.history] == pytest.approx(
        [steps_an_epoch * (wait_secs + step_secs)] * 2
    )
