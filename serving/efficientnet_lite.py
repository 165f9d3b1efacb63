"""EfficientNet-Lite: a backbone made for phones, in Keras 3 and in Keras 2.

It is EfficientNet without what phones are slow at: no squeeze-and-excitation, and ReLU6 for swish,
whose bounded range is what makes full int8 lose little. Stem, head, first and last stage do not
grow with the network. Source: tensorflow/tpu, models/official/efficientnet/lite.

Law: layers that hold weights stand in the order of the released checkpoints, convolution and
BatchNormalization in turn; weights are told by that order.

    features = efficientnet_lite(keras, scaled, "efficientnet_lite0", branch_drop=drop)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

SCALE, OFFSET = 1 / 128, -127 / 128
"""Of photos in 0..255: the range that the released weights were trained with."""

STEM_CHANNELS, HEAD_CHANNELS = 32, 1280
NORM_EPSILON = 1e-3
MOST_DROPPED = 0.2
"""Stochastic depth: the last branch is dropped for this share of photos, the first for none."""


@dataclass(frozen=True)
class Stage:
    """Inverted bottlenecks of one width.

    Attributes:
        kernel: side of the depthwise kernel.
        stride: of the first block.
        expansion: channels inside a block, by those it takes.
        channels: that a block gives, before scaling.
        blocks: before scaling.
    """

    kernel: int
    stride: int
    expansion: int
    channels: int
    blocks: int


STAGES = (
    Stage(kernel=3, stride=1, expansion=1, channels=16, blocks=1),
    Stage(kernel=3, stride=2, expansion=6, channels=24, blocks=2),
    Stage(kernel=5, stride=2, expansion=6, channels=40, blocks=2),
    Stage(kernel=3, stride=2, expansion=6, channels=80, blocks=3),
    Stage(kernel=5, stride=1, expansion=6, channels=112, blocks=3),
    Stage(kernel=5, stride=2, expansion=6, channels=192, blocks=4),
    Stage(kernel=3, stride=1, expansion=6, channels=320, blocks=1),
)

SCALINGS = {
    "efficientnet_lite0": (1.0, 1.0),
    "efficientnet_lite1": (1.0, 1.1),
    "efficientnet_lite2": (1.1, 1.2),
    "efficientnet_lite3": (1.2, 1.4),
    "efficientnet_lite4": (1.4, 1.8),
}
"""Of each network: what channels and blocks of a stage are multiplied by."""

BranchDrop = Callable[[Any, float, int], Any]
"""(features, share of photos, number of the branch) -> features."""


@dataclass(frozen=True)
class _Block:
    kernel: int
    stride: int
    expansion: int
    channels: int


def efficientnet_lite(
    keras_api: Any, photo: Any, name: str, *, branch_drop: BranchDrop | None = None
) -> Any:
    """Returns the map of features [B, ceil(H / 32), ceil(W / 32), 1280] of a photo.

    Args:
        keras_api: `keras` or `tf_keras`: whose layers are used.
        photo: symbolic float32 [B, H, W, 3], scaled by SCALE and OFFSET.
        name: one of SCALINGS.
        branch_drop: stochastic depth of residual branches; None for none.
    """
    layers = _Layers(keras_api)
    features = layers.conv(photo, STEM_CHANNELS, kernel=3, stride=2)
    blocks = scaled_blocks(*SCALINGS[name])
    for number, block in enumerate(blocks):
        branch = layers.bottleneck(features, block)
        if block.stride == 1 and branch.shape[-1] == features.shape[-1]:
            if branch_drop:
                branch = branch_drop(branch, MOST_DROPPED * number / len(blocks), number)
            branch = keras_api.layers.Add()([branch, features])
        features = branch
    return layers.conv(features, HEAD_CHANNELS, kernel=1, stride=1)


def scaled_blocks(width: float, depth: float) -> list[_Block]:
    """Returns the blocks of a network, in their order.

    Args:
        width: channels of a stage are multiplied by it, and rounded to a multiple of 8.
        depth: blocks of a stage are multiplied by it, and rounded up; but not where they end.
    """
    blocks = []
    for stage in STAGES:
        is_end = stage in (STAGES[0], STAGES[-1])
        count = stage.blocks if is_end else ceil(depth * stage.blocks)
        channels = rounded_channels(width * stage.channels)
        for index in range(count):
            stride = stage.stride if index == 0 else 1
            blocks.append(_Block(stage.kernel, stride, stage.expansion, channels))
    return blocks


def rounded_channels(channels: float) -> int:
    """Returns the nearest multiple of 8 that is not more than a tenth below."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


class _Layers:
    """The parts of a network, in one Keras or the other."""

    def __init__(self, keras_api: Any) -> None:
        self._layers = keras_api.layers

    def bottleneck(self, features: Any, block: _Block) -> Any:
        channels = features.shape[-1]
        if block.expansion > 1:
            features = self.conv(features, channels * block.expansion, kernel=1, stride=1)
        features = self._layers.DepthwiseConv2D(
            block.kernel,
            strides=block.stride,
            padding="same",
            use_bias=False,
            depthwise_initializer="he_normal",
        )(features)
        features = self._relu6(self._norm(features))
        return self._norm(self._plain_conv(features, block.channels, kernel=1, stride=1))

    def conv(self, features: Any, channels: int, *, kernel: int, stride: int) -> Any:
        plain = self._plain_conv(features, channels, kernel=kernel, stride=stride)
        return self._relu6(self._norm(plain))

    def _plain_conv(self, features: Any, channels: int, *, kernel: int, stride: int) -> Any:
        return self._layers.Conv2D(
            channels,
            kernel,
            strides=stride,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
        )(features)

    def _norm(self, features: Any) -> Any:
        return self._layers.BatchNormalization(momentum=0.9, epsilon=NORM_EPSILON)(features)

    def _relu6(self, features: Any) -> Any:
        return self._layers.ReLU(6.0)(features)
