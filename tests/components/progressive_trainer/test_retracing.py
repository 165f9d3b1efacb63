"""Each stage's step is traced once, whatever moves inside a stage and between stages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from interrupted import train_and_resume
from tiny_training import settings, stage, write_split

from components.progressive_trainer.loop import TrainingLoop


def traces_of(step: Callable[..., Any]) -> int:
    count: int = step.experimental_get_tracing_count()  # type: ignore[attr-defined]
    return count


def test_step_is_traced_once_a_stage_and_once_after_a_resume(tmp_path: Path) -> None:
    plan = [
        {**stage(4, 1.0, dropout=0.1, augment=0.2), "mixup": 0.2, "rand_augment": 3.0},
        {**stage(3, 1.25, size=40, dropout=0.5, augment=0.8), "label_smoothing": 0.2},
    ]
    photos = write_split(tmp_path / "train", 12, files=3), write_split(tmp_path / "val", 5, files=1)
    steps: list[list[Callable[..., Any]]] = []

    def record(loop: TrainingLoop) -> None:
        make, made = loop._steps.training, []
        steps.append(made)

        def training(*stage: Any, **options: Any) -> Callable[..., Any]:
            made.append(make(*stage, **options))
            return made[-1]

        loop._steps.training = training  # type: ignore[method-assign]

    whole, resumed = train_and_resume(
        tmp_path, photos, settings(plan, ema_decay=0.9), killed_at=18, prepare=record
    )

    assert [traces_of(step) for step in steps[0]] == [1, 1]
    assert [traces_of(step) for step in steps[1]] == [1]
    for loop in (whole, resumed):
        assert loop._average is not None
        assert traces_of(loop._average._move) == 1
