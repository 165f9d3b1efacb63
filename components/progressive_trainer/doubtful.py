"""Settings that can be trained with, but hardly mean what they say: told, and not refused.

for doubt in doubts(settings, plan, num_photos=4185):
    emit("note", text=doubt)
"""

from __future__ import annotations

from collections.abc import Sequence

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.schedule import Stage


def doubts(settings: TrainerSettings, plan: Sequence[Stage], *, num_photos: int) -> list[str]:
    """Returns a sentence for each.

    Args:
        settings: what to train.
        plan: its stages.
        num_photos: training photos, an epoch.
    """
    found = []
    photos, warmup = plan[-1].end_examples, settings.schedule.warmup_epochs * num_photos
    if warmup >= photos:
        found.append(
            f"warm-up: {warmup:,.0f} photos, where the run has {photos:,}: no stage reaches its "
            "peak rate. Lower trainer.schedule.warmup_epochs, for example to "
            f"{photos / num_photos / 10:.2g}."
        )
    if settings.base_weights == "none" and plan[0].trainable != "all":
        found.append(
            f"frozen: stage 1 trains {plan[0].trainable} on a backbone whose weights are random. "
            "Set trainer.base_weights, or let all of it learn."
        )
    return found
