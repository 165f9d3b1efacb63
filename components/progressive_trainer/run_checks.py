"""What a run refuses before it starts, for it would fail at a step hours later.

check_run(settings, plan, devices, num_leaves=100)      # raises ConfigError
"""

from __future__ import annotations

from collections.abc import Sequence

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.sampled_softmax import check_sample
from components.progressive_trainer.schedule import Stage
from components.progressive_trainer.xla import check_xla


def check_run(
    settings: TrainerSettings, plan: Sequence[Stage], devices: Devices, *, num_leaves: int
) -> None:
    """Checks batches, sampled leaves and compiling against the devices and the leaves.

    Args:
        settings: what to train.
        plan: its stages.
        devices: where to run.
        num_leaves: N.

    Raises:
        ConfigError: naming the setting, what it allows and what came.
    """
    for stage in plan:
        setting = f"schedule stage {stage.index + 1}"
        devices.check_batch(stage.global_batch, setting=setting)
        if stage.mixup > 0 or stage.cutmix > 0:
            devices.check_pairs(stage.global_batch, setting=setting)
    devices.check_batch(settings.eval_batch, setting="trainer.eval_batch")
    check_sample(settings.sampled_softmax, num_leaves=num_leaves)
    check_xla(settings, devices)
