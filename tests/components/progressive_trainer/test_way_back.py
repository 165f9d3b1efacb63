"""Where a run goes on from after a step that did not fit the memory."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
from tiny_training import settings, stage

from components.progressive_trainer.checkpoint import Checkpoints
from components.progressive_trainer.out_of_memory import COVERED_STEPS, StepOutOfMemory
from components.progressive_trainer.return_point import ReturnPoint
from components.progressive_trainer.schedule import stages
from components.progressive_trainer.way_back import WayBack
from schemas.errors import FieldmarkError

STAGE = stages(settings([stage(4, 3)]).schedule, num_photos=12)[0]
FAILED = StepOutOfMemory(STAGE)


def point(seen: int) -> ReturnPoint:
    return ReturnPoint.now(
        examples_seen=seen, history=[], partial_epoch={}, record={}, decisions=[], variables=[]
    )


def test_first_steps_of_a_stage_are_covered_without_any_checkpoint() -> None:
    way_back = WayBack(None, workers=1)
    way_back.begin(STAGE, 8, lambda: point(8))

    for step in range(COVERED_STEPS):
        way_back.step(8 + 4 * step)
        assert way_back.place(FAILED).examples_seen == 8

    way_back.step(8 + 4 * COVERED_STEPS)
    with pytest.raises(FieldmarkError, match="no checkpoint is kept to go back to"):
        way_back.place(FAILED)


def test_machine_of_several_copies_nothing_since_it_cannot_go_back() -> None:
    way_back = WayBack(None, workers=2)
    way_back.begin(STAGE, 8, lambda: pytest.fail("copied"))
    way_back.step(8)
    with pytest.raises(FieldmarkError, match="one of 2 machines cannot take a step back"):
        way_back.place(FAILED)


def test_checkpoint_of_the_very_place_is_not_copied(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    empty = {"history": [], "partial_epoch": {}, "record": {}}
    checkpoints.save(examples_seen=8, variables=[keras.Variable(1.0)], **empty)  # type: ignore[arg-type]
    way_back = WayBack(checkpoints, workers=1)

    way_back.begin(STAGE, 8, lambda: pytest.fail("copied"))
    assert way_back.place(FAILED).examples_seen == 8

    way_back.begin(STAGE, 12, lambda: point(12))
    assert way_back.place(FAILED).examples_seen == 12  # nearer than the checkpoint


def test_several_machines_copy_nothing_and_look_at_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path, writes=False)
    monkeypatch.setattr(checkpoints, "latest", lambda: pytest.fail("read"))
    way_back = WayBack(checkpoints, workers=2)

    way_back.begin(STAGE, 8, lambda: pytest.fail("copied"))
    way_back.step(8)

    with pytest.raises(FieldmarkError, match="one of 2 machines cannot take a step back"):
        way_back.place(FAILED)
