"""What learns: the network, its optimizer, the average of its weights, and the steps of all that.

The law: all variables are made from the run's seed, in the strategy's scope, and in one order, in
which checkpoints hold them.

    learner = Learner(settings, num_leaves=100, devices=devices, photos_of_leaves=None)
    learner.begin_stage(stage, before=plan[stage.index - 1])    # at the start of all but the first
    step = learner.steps.training(stage)
    learner.result                                  # what is validated and exported
"""

from __future__ import annotations

import keras
import numpy as np

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import Devices
from components.progressive_trainer.ema import WeightAverage
from components.progressive_trainer.leaf_weights import leaf_weights
from components.progressive_trainer.learning_part import learns_more
from components.progressive_trainer.networks import build_network
from components.progressive_trainer.optimizers import build_optimizer, start_anew
from components.progressive_trainer.schedule import Stage
from components.progressive_trainer.steps import Steps


class Learner:
    """The variables of a run, and the steps that move them.

    Args:
        settings: what to train.
        num_leaves: N.
        devices: where to run.
        photos_of_leaves: int64 [N], training photos of each leaf; needed for class weighting.
    """

    def __init__(
        self,
        settings: TrainerSettings,
        *,
        num_leaves: int,
        devices: Devices,
        photos_of_leaves: np.ndarray | None,
    ) -> None:
        keras.utils.set_random_seed(settings.seed)
        keras.mixed_precision.set_dtype_policy(settings.precision)
        with devices.strategy.scope():
            self.model = build_network(
                settings.network,
                num_leaves=num_leaves,
                base_weights=settings.base_weights,
                head_rank=settings.head_rank,
            )
            self.optimizer = build_optimizer(settings)
            self.optimizer.build(self.model.trainable_variables)
            self.steps = Steps(
                self.model,
                self.optimizer,
                devices,
                sampled_leaves=settings.sampled_softmax,
                leaf_weights=_weights(settings, photos_of_leaves),
                xla=settings.xla,
            )
            self.average = None
            if settings.ema_decay is not None:
                self.average = WeightAverage(
                    self.model, decay=settings.ema_decay, strategy=devices.strategy
                )

    def begin_stage(self, stage: Stage, *, before: Stage) -> None:
        """Starts the optimizer anew where more learns than in the stage before.

        It follows from the plan alone, and done twice it is done once: a run that goes on from a
        checkpoint of just this place, which was written before, comes to the same.
        """
        if learns_more(self.model, stage.trainable, before=before.trainable):
            start_anew(self.optimizer)

    @property
    def result(self) -> keras.Model:
        """The network that is validated and exported: that of the average, if one is kept."""
        return self.average.model if self.average else self.model

    @property
    def variables(self) -> list[keras.Variable]:
        """All that a checkpoint holds, in its order."""
        averages = self.average.model.variables if self.average else []
        return [*self.model.variables, *self.optimizer.variables, *averages]


def _weights(settings: TrainerSettings, photos_of_leaves: np.ndarray | None) -> np.ndarray | None:
    if settings.class_weighting == 0:
        return None
    assert photos_of_leaves is not None, "counted where class weighting is on"
    return leaf_weights(photos_of_leaves, power=settings.class_weighting)
