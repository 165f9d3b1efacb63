from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tiny_training import NUM_LEAVES, settings, stage

from components.progressive_trainer import loop as loop_module
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.photo_order import Share
from components.progressive_trainer.sampled_softmax import draw_leaves
from components.progressive_trainer.step_context import uniform
from components.progressive_trainer.step_watch import Step, StepWatch
from schemas.errors import ConfigError

pytestmark = pytest.mark.usefixtures("thin_network")


def new_loop(photos: tuple[Photos, Photos], devices: Devices, **values: Any) -> TrainingLoop:
    mixing = {"mixup": 0.3, "cutmix": 0.5}
    return TrainingLoop(
        settings([{**stage(4, 1), **mixing}, stage(6, 1, size=40, dropout=0.5)], **values),
        num_leaves=NUM_LEAVES,
        train=photos[0],
        val=photos[1],
        devices=devices,
        checkpoints=None,
    )


def losses_of(photos: tuple[Photos, Photos], monkeypatch: pytest.MonkeyPatch, *, xla: bool) -> Any:
    """Mean loss of each step, and each epoch's over the val photos."""
    losses: list[float] = []

    class Recording(StepWatch):
        def add(self, step: Step) -> None:
            super().add(step)
            losses.append(float(step.loss) / int(step.photo_ids.shape[0]))

    monkeypatch.setattr(loop_module, "StepWatch", Recording)
    one = Devices(tf.distribute.get_strategy(), Share(), "1 CPU")
    loop = new_loop(photos, one, xla=xla)
    loop.run()
    return losses + [epoch["val_loss"] for epoch in loop.history]


def test_compiled_step_learns_what_the_other_does(
    photos: tuple[Photos, Photos], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = losses_of(photos, monkeypatch, xla=True)

    assert len(compiled) == 5 + 2
    assert compiled == pytest.approx(losses_of(photos, monkeypatch, xla=False), rel=1e-5, abs=1e-5)


def test_draws_are_those_of_tensorflow_compiled_or_not() -> None:
    seed = tf.constant([3, 7])
    wanted = tf.random.stateless_uniform([64, 5], seed).numpy()

    np.testing.assert_array_equal(uniform([64, 5], seed), wanted)
    compiled = tf.function(lambda: uniform([64, 5], seed), jit_compile=True)
    np.testing.assert_array_equal(compiled(), wanted)


def test_sampled_leaves_are_the_same_compiled_or_not() -> None:
    def draw(seed: tf.Tensor) -> tf.Tensor:
        return tf.sort(draw_leaves(50, 6, seed))

    plain, compiled = tf.function(draw), tf.function(draw, jit_compile=True)

    # Of some of these the seed of the draw is negative.
    for number in range(20):
        seed = tf.constant([1, number])
        np.testing.assert_array_equal(compiled(seed), plain(seed))


def test_several_replicas_are_refused_before_anything_starts(
    photos: tuple[Photos, Photos],
) -> None:
    two = Devices(tf.distribute.get_strategy(), Share(replicas=2), "2 logical CPU devices")

    with pytest.raises(ConfigError) as caught:
        new_loop(photos, two, xla=True)

    assert str(caught.value) == (
        "trainer.xla works on one device: a step that sums over several replicas is not compiled. "
        "Received: true, on 2 logical CPU devices. Set it to false, or train on one device."
    )
