"""Sums in the order in which a step has them: TensorFlow's memory optimizer off.

Where that takes a step's peak for more than 0.8 of a device's memory, which for a CPU it has for
256 MB whatever the machine has, it turns a sum of three tensors or more, and the gradient of what
goes into a BatchNormalization is one, into additions to a variable, each made when its tensor is
there. Which is first goes by the threads: two runs of one network over the same photos differed in
their last bits. All that it saves is a tensor or two of such a sum.

    with sums_in_order():
        step(images, labels, ...)

Source: SchedulingPass in TensorFlow's core/grappler/optimizers/memory_optimizer.cc.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2

# tf.config.optimizer.set_experimental_options knows all of its optimizers but this one.
from tensorflow.python.eager import context


@contextmanager
def sums_in_order() -> Iterator[None]:
    """For the functions that this thread calls meanwhile, traced before or not."""
    options = context.context().function_call_options
    before = config_pb2.ConfigProto.FromString(options.config_proto_serialized)
    without = config_pb2.ConfigProto()
    without.CopyFrom(before)
    rewrites = without.graph_options.rewrite_options
    rewrites.memory_optimization = rewriter_config_pb2.RewriterConfig.NO_MEM_OPT
    options.config_proto_serialized = without
    try:
        yield
    finally:
        options.config_proto_serialized = before
