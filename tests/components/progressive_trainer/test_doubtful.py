from __future__ import annotations

from typing import Any

from tiny_training import settings, stage

from components.progressive_trainer.doubtful import doubts
from components.progressive_trainer.schedule import stages


def doubts_of(stage_values: dict[str, Any], **values: Any) -> list[str]:
    given = settings([{**stage(10, 1), **stage_values}], **values)
    return doubts(given, stages(given.schedule, num_photos=1000), num_photos=1000)


def test_warm_up_that_is_longer_than_the_run_is_told() -> None:
    assert doubts_of({}) == []
    assert doubts_of({"epochs": None, "examples": 200}) == [
        "warm-up: 500 photos, where the run has 200: no stage reaches its peak rate. Lower "
        "trainer.schedule.warmup_epochs, for example to 0.02."
    ]


def test_frozen_backbone_of_random_weights_is_told() -> None:
    (told,) = doubts_of({"trainable": "head"})
    assert told.startswith("frozen: stage 1 trains head on a backbone whose weights are random.")
    assert doubts_of({"trainable": "head"}, base_weights="imagenet") == []
