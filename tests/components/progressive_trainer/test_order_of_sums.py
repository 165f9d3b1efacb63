"""Sums are made as they are written, also where TensorFlow takes a function for too large."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.eager import context
from tiny_training import NUM_LEAVES, settings, stage, write_split

from components.progressive_trainer.devices import Devices
from components.progressive_trainer.loop import TrainingLoop
from components.progressive_trainer.order_of_sums import sums_in_order
from components.progressive_trainer.photo_order import Share

LARGE = 25_000_000
"""Three tensors of so many float32: more than the 256 MB that TensorFlow takes a CPU to have."""

pytestmark = pytest.mark.usefixtures("thin_network")


@tf.function(autograph=False)
def first_term_last(ones: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """1e8 - 1e8 + 1, whose first term is there after the others; -1e8 + 1 + 1e8 makes 0."""
    second, third = -1e8 * ones, 1.0 * ones
    with tf.control_dependencies([second, third]):
        late = tf.identity(matrix)
    for _ in range(4):
        late = tf.linalg.matmul(late, matrix) / 1500
    first = 1e8 * ones + 0.0 * late[0, 0]
    return tf.add_n([first, second, third])[0]


def test_large_sum_is_made_in_its_order_and_not_as_its_terms_arrive() -> None:
    ones, matrix = tf.ones([LARGE]), tf.ones([1500, 1500])

    with sums_in_order():
        sums = [float(first_term_last(ones, matrix)) for _ in range(3)]

    assert sums == [1.0, 1.0, 1.0]


def test_error_inside_leaves_tensorflow_as_it_was() -> None:
    before, inside = memory_optimization(), []

    @sums_in_order()
    def fails() -> None:
        inside.append(memory_optimization())
        raise ValueError("of the step")

    with pytest.raises(ValueError, match="of the step"):
        fails()

    assert inside != [before]
    assert memory_optimization() == before


def test_all_steps_of_a_run_are_taken_so(tmp_path: Path) -> None:
    loop = TrainingLoop(
        settings([stage(4, 1.0)]),
        num_leaves=NUM_LEAVES,
        train=write_split(tmp_path / "train", 8, files=1),
        val=write_split(tmp_path / "val", 4, files=1),
        devices=Devices(tf.distribute.get_strategy(), Share(), "1 CPU"),
        checkpoints=None,
    )
    before, seen = memory_optimization(), []

    def recorded(make: Callable[..., Any]) -> Callable[..., Any]:
        def made(*given: Any, **options: Any) -> Callable[..., Any]:
            step = make(*given, **options)

            def taken(*inputs: Any) -> Any:
                seen.append(memory_optimization())
                return step(*inputs)

            return taken

        return made

    loop._steps.training = recorded(loop._steps.training)  # type: ignore[method-assign]
    loop._steps.validation = recorded(loop._steps.validation)  # type: ignore[method-assign]

    loop.run()

    assert len(seen) == 3
    assert before not in seen


def memory_optimization() -> int:
    """What TensorFlow is told for the functions that this thread calls."""
    options = context.context().function_call_options
    config = config_pb2.ConfigProto.FromString(options.config_proto_serialized)
    return int(config.graph_options.rewrite_options.memory_optimization)
