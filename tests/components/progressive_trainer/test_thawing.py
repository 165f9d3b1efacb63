"""A stage in which more learns than before: its optimizer starts anew, and just once."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tiny_training import NUM_LEAVES, settings, stage

from components.progressive_trainer import checkpoint
from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import Photos, TrainingLoop
from components.progressive_trainer.photo_stream import Share
from components.progressive_trainer.run_record import ROW_LOG_FILE

pytestmark = pytest.mark.usefixtures("thin_network")

THAWS_AT = 12
SETTINGS = settings(
    [{**stage(4, 1), "trainable": "head"}, stage(4, 1)], weight_decay=0.0, checkpoint_secs=1e-9
)


def trained(photos: tuple[Photos, Photos], kept: Path) -> TrainingLoop:
    """A training with a checkpoint after each step, from the last in `kept` if there is one."""
    checkpoints = Checkpoints(kept)
    loop = TrainingLoop(
        SETTINGS,
        num_leaves=NUM_LEAVES,
        train=photos[0],
        val=photos[1],
        devices=Devices(tf.distribute.get_strategy(), Share(), "1 CPU"),
        checkpoints=checkpoints,
    )
    # As if the head had learnt for long: Adam's averages count as full.
    loop._optimizer.iterations.assign(100_000)
    loop.run()
    checkpoints.close()
    return loop


@pytest.fixture(scope="module")
def whole(
    photos: tuple[Photos, Photos], tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainingLoop, Path]:
    """A run that nothing disturbed, and all its checkpoints."""
    kept = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "KEPT", 99)
        return trained(photos, kept), kept


def place(kept: Path, examples_seen: int) -> Path:
    return kept / f"examples-{examples_seen:015d}"


# Killed just before the optimizer starts anew, and a step after that.
@pytest.mark.parametrize("killed_at", [THAWS_AT, THAWS_AT + 4])
def test_run_killed_where_the_backbone_thaws_ends_bit_for_bit_as_one_that_was_not(
    photos: tuple[Photos, Photos],
    whole: tuple[TrainingLoop, Path],
    tmp_path: Path,
    killed_at: int,
) -> None:
    undisturbed, kept = whole
    shutil.copytree(place(kept, killed_at), place(tmp_path, killed_at))
    shutil.copy(kept / ROW_LOG_FILE, tmp_path)

    resumed = trained(photos, tmp_path)

    assert int(resumed._optimizer.iterations) == 3  # those of the second stage
    for ours, theirs in zip(resumed._variables, undisturbed._variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=ours.path)


def test_first_step_of_a_thawed_backbone_moves_it_by_the_rate(
    whole: tuple[TrainingLoop, Path],
) -> None:
    loop, kept = whole
    first_kernel = "0"  # the backbone's: variables are saved in the network's order

    early, frozen, thawed = (
        np.load(place(kept, seen) / "variables.npz")[first_kernel]
        for seen in (4, THAWS_AT, THAWS_AT + 4)
    )

    np.testing.assert_array_equal(early, frozen)
    assert frozen.ndim == 4
    moved = np.abs(thawed - frozen) / loop.course.rate(THAWS_AT)
    assert np.median(moved) == pytest.approx(1.0, rel=1e-3)
    assert moved.max() < 1.01
