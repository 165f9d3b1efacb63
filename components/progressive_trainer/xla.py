"""Compiling the training step with XLA, where TensorFlow can.

Compiled are the forward pass, the gradients and the optimizer's step. Mixing stays outside: XLA has
no Gamma draws. Those of dropout and of sampled leaves are made to be alike (`step_context.uniform`,
`sampled_softmax.draw_leaves`): the compiled step learns what the other does, but for rounding.

It can do so on one device. Several replicas are refused before anything starts: the step sums
gradients, and BatchNormalization's moments, over replicas, and TensorFlow lets replicas meet in no
function that is compiled by itself: on several logical CPU devices, and on two machines, it ends
with a RuntimeError while the step is traced. Several GPUs have not been tried.

    check_xla(settings, devices)
    learn = compiled(learn)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.devices import Devices
from schemas.errors import ConfigError


def check_xla(settings: TrainerSettings, devices: Devices) -> None:
    """Raises:
    ConfigError: if `trainer.xla` is asked for where it does not work.
    """
    if settings.xla and devices.replicas > 1:
        raise ConfigError(
            "trainer.xla works on one device: a step that sums over several replicas is not "
            f"compiled. Received: true, on {devices.description}. Set it to false, or train on one "
            "device."
        )


def compiled(learn: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function, compiled for each set of shapes that it is called with."""
    function: Callable[..., Any] = tf.function(learn, autograph=False, jit_compile=True)
    return function
