"""How much memory a training will take on its fullest device, told before it starts.

Counted from the built network, nothing is run:

weights      all variables of the network; once more for each average of them that is kept
slots        what the optimizer keeps of all that may learn
gradients    of all that learns in the stage; twice where they are clipped, which makes a copy
activations  the outputs of the layers that learn, at the stage's size, for a replica's photos: the
             way back needs nearly all of them; and the largest of all twice more, for the
             gradients on their way, or what a frozen layer takes and gives
logits       a replica's photos by leaves, three times: logits, softmax, gradient. Of a sampled
             softmax by the leaves drawn, and the kernel twice: its gradient is put in order
update       three times the largest variable: what an optimizer computes on the way

The peak is weights + slots + gradients + the larger of (activations + logits) and update. Left out
are the libraries (0.6 GB of a process), the traced step (0.1 to 0.5 GB, by the network) and the
shuffle buffer: `shuffle_buffer_photos` times a stored photo. XLA and cuDNN may take more or less.

    estimate = Footprint(model, settings).of(plan, replicas=1)
    estimate.peak_bytes, estimate.in_words()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import keras

from components.progressive_trainer.config import TrainerSettings
from components.progressive_trainer.head import LEAVES
from components.progressive_trainer.learning_part import LearningPart
from components.progressive_trainer.schedule import Stage

SLOTS = {"adamw": 2, "rmsprop": 2, "sgd": 1}
"""Values kept of each weight: two moments, a mean square and a momentum, a momentum."""

LOGIT_TABLES = 3
UPDATE_TABLES = 3
ON_THEIR_WAY = 2


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes on one device in the fullest stage, by what takes them.

    Attributes:
        stage: the fullest stage.
        weights, slots, gradients, activations, logits, update: see the module.
    """

    stage: Stage
    weights: int
    slots: int
    gradients: int
    activations: int
    logits: int
    update: int

    @property
    def peak_bytes(self) -> int:
        """The most at one time."""
        return self.weights + self.slots + self.step_bytes

    @property
    def step_bytes(self) -> int:
        """Of them what a step takes beside the variables."""
        return self.gradients + max(self.activations + self.logits, self.update)

    def in_words(self) -> str:
        """One line for people."""
        return (
            f"memory: {in_gb(self.peak_bytes)} a device at {self.stage.image_size_px} px "
            f"(weights {in_gb(self.weights)}, optimizer {in_gb(self.slots)}, gradients "
            f"{in_gb(self.gradients)}, activations {in_gb(self.activations)}, logits "
            f"{in_gb(self.logits)})"
        )


class Footprint:
    """Estimates the stages of one training.

    Args:
        model: the network.
        settings: of the training.
    """

    def __init__(self, model: keras.Model, settings: TrainerSettings) -> None:
        self._model, self._settings = model, settings
        self._copies = 1 if settings.clip_global_norm is None else 2
        averaged = settings.ema_decay is not None
        self._weights = variable_bytes(model.variables) * (2 if averaged else 1)
        trainable = model.trainable_variables
        self._slots = SLOTS[settings.optimizer] * variable_bytes(trainable)
        self._update = UPDATE_TABLES * max(variable_bytes([each]) for each in trainable)

    def of(self, plan: Sequence[Stage], *, replicas: int) -> MemoryEstimate:
        """Returns the estimate of the fullest stage of a plan.

        Args:
            plan: the stages.
            replicas: that share each global batch, a device each.
        """
        each = [self.of_stage(stage, replicas=replicas) for stage in plan]
        return max(each, key=lambda estimate: estimate.peak_bytes)

    def of_stage(self, stage: Stage, *, replicas: int, parts: int = 1) -> MemoryEstimate:
        """Returns the estimate of one stage.

        Args:
            stage: the stage.
            replicas: that share each global batch.
            parts: in how many a replica's photos are computed; their gradients are added up.
        """
        photos = -(-stage.global_batch // (replicas * parts))
        outputs = output_bytes(self._model, stage.image_size_px)
        part = LearningPart(self._model, stage.trainable)
        if stage.trainable == "all":
            kept = sum(outputs)
        else:
            kept = sum(outputs[len(outputs) - part.backbone_layers :])
        return MemoryEstimate(
            stage=stage,
            weights=self._weights,
            slots=self._slots,
            gradients=variable_bytes(part.variables) * max(self._copies, min(parts, 2)),
            activations=photos * (kept + ON_THEIR_WAY * max(outputs)),
            logits=self._logits(photos),
            update=self._update,
        )

    def _logits(self, photos: int) -> int:
        leaves = self._model.get_layer(LEAVES)
        drawn = self._settings.sampled_softmax
        table = LOGIT_TABLES * photos * (drawn or leaves.units) * 4
        return table + (2 * variable_bytes([leaves.kernel]) if drawn else 0)


def output_bytes(model: keras.Model, image_size_px: int) -> list[int]:
    """Returns the bytes of each layer's output for one photo, without the last layer's table.

    The backbone's come last, in its order.

    Args:
        model: from `build_network`.
        image_size_px: side of the photo.
    """
    photo = keras.KerasTensor((1, image_size_px, image_size_px, 3))
    outer = [
        layer
        for layer in model.layers
        if not isinstance(layer, keras.Model) and layer.name not in (LEAVES, "scores")
    ]
    (backbone,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    return [
        prod(tensor.shape) * _item_bytes(tensor.dtype)
        for part, layers in ((model, outer), (backbone, backbone.layers))
        for tensor in _outputs(part, layers, photo)
    ]


def _outputs(
    part: keras.Model, layers: Sequence[keras.Layer], photo: keras.KerasTensor
) -> list[keras.KerasTensor]:
    """The outputs of layers at a size, as shapes and dtypes; nothing is computed."""
    probe = keras.Model(part.inputs, [layer.output for layer in layers])
    return keras.tree.flatten(probe.compute_output_spec(photo))


def variable_bytes(variables: Sequence[keras.Variable]) -> int:
    """Returns what variables take."""
    return sum(prod(each.shape) * _item_bytes(each.dtype) for each in variables)


def in_gb(size: int) -> str:
    """Returns bytes as "1.25 GB"; small ones in MB."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _item_bytes(dtype: str) -> int:
    return 1 if dtype == "bool" else int("".join(filter(str.isdigit, dtype))) // 8
