"""The head of a trained model brought down to a low rank, without another training.

With many leaves most weights are the head's: a kernel [C, N]. Its best approximation of rank r is
two kernels, [C, r] and [r, N] (Eckart and Young 1936): projections on the r directions of the
feature space that the kernel stretches most. iNaturalist's phone models are made so ("fact256").
What it costs in accuracy, the MobileValidator measures; a head that was trained at that rank
(`trainer.head_rank`) loses nothing.

    function = low_rank_function(concrete_function, rank=256)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from schemas.errors import ConfigError, FieldmarkError

Floats = npt.NDArray[np.float32]

_BETWEEN_HEAD_AND_SCORES = ("Identity", "Softmax", "BiasAdd", "AddV2", "Add", "Mul", "RealDiv")


def factors(kernel: Floats, rank: int) -> tuple[Floats, Floats]:
    """Returns float32 [C, r] and [r, N], whose product is nearest to the kernel.

    Args:
        kernel: float32 [C, N].
        rank: r, 1 .. min(C, N).
    """
    wide = kernel.astype(np.float64)
    # Of the C x C matrix only: at 80,000 leaves an SVD of the kernel itself would take minutes.
    _, directions = np.linalg.eigh(wide @ wide.T)
    most = directions[:, ::-1][:, :rank]
    return most.astype(np.float32), (most.T @ wide).astype(np.float32)


def low_rank_function(function: Any, *, rank: int) -> tuple[Any, int]:
    """Returns the same function with its head through a rank, and the weights that it saves.

    Args:
        function: a concrete function of one tensor, ending in a kernel [C, N] and a softmax.
        rank: r.

    Raises:
        ConfigError: if the rank would save nothing, or the head is of a low rank already.
        FieldmarkError: if the function does not end in a kernel and a softmax.
    """
    frozen = convert_variables_to_constants_v2(function)
    graph = frozen.graph.as_graph_def()
    nodes = {node.name: node for node in graph.node}
    head = _head(nodes, frozen.outputs[0].op.name)
    kernel = _constant(nodes, head.input[1])
    if kernel is None or kernel.ndim != 2:
        raise FieldmarkError("The model's head has no kernel of its own, and no rank to lower.")
    if _is_head(nodes, head.input[0]):
        raise ConfigError(
            "The model's head is of a low rank already (trainer.head_rank). Leave the fact variant "
            "out: the others have the low-rank head."
        )
    saved = kernel.size - rank * sum(kernel.shape)
    if rank >= min(kernel.shape) or saved <= 0:
        raise ConfigError(
            f"A head of {kernel.shape[0]:,} features and {kernel.shape[1]:,} leaves saves nothing "
            f"at rank {rank:,}. Allowed: 1..{kernel.size // sum(kernel.shape):,}. Lower the rank "
            "in the variant's name, or leave it out."
        )
    _replace(graph, head, kernel, rank)
    return _imported(graph, frozen), int(saved)


def _head(nodes: dict[str, Any], name: str) -> Any:
    """The last matrix product before the scores."""
    node = nodes[name]
    while node.op in _BETWEEN_HEAD_AND_SCORES:
        node = nodes[_node_name(node.input[0])]
    if node.op != "MatMul" or node.attr["transpose_b"].b:
        raise FieldmarkError(
            "Only a head that ends in a Dense layer and a softmax can be brought to a low rank. "
            f"Received: {node.op} before the scores. Leave the fact variant out."
        )
    return node


def _is_head(nodes: dict[str, Any], name: str) -> bool:
    return bool(nodes[_node_name(name)].op == "MatMul")


def _constant(nodes: dict[str, Any], name: str) -> Floats | None:
    node = nodes[_node_name(name)]
    while node.op in ("Identity", "ReadVariableOp"):
        node = nodes[_node_name(node.input[0])]
    return tf.make_ndarray(node.attr["value"].tensor) if node.op == "Const" else None


def _replace(graph: Any, head: Any, kernel: Floats, rank: int) -> None:
    """Puts two products where the head's was."""
    down, up = factors(kernel, rank)
    for name, values in (("low_rank/down", down), ("low_rank/up", up)):
        node = graph.node.add(name=name, op="Const")
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))
    product = graph.node.add(name="low_rank/features", op="MatMul")
    product.attr["T"].type = tf.float32.as_datatype_enum
    product.input.extend([head.input[0], "low_rank/down"])
    head.input[0], head.input[1] = "low_rank/features", "low_rank/up"


def _imported(graph: Any, frozen: Any) -> Any:
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    return wrapped.prune(
        wrapped.graph.get_tensor_by_name(frozen.inputs[0].name),
        wrapped.graph.get_tensor_by_name(frozen.outputs[0].name),
    )


def _node_name(name: str) -> str:
    return name.removeprefix("^").split(":")[0]
