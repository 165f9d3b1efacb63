"""The softmax of an integer model, moved behind the last step back to floats.

An integer softmax rounds every score to 1/256. Of ten thousand leaves nearly all would then have
the score 0, and what is left would sum to anything but 1: no roll-up could be trusted. Computed in
float32 from the integer logits, it costs nothing and keeps the apps' contract.

    before   FULLY_CONNECTED (int8) -> SOFTMAX (int8) -> DEQUANTIZE -> float32
    after    FULLY_CONNECTED (int8) -> DEQUANTIZE -> SOFTMAX (float32) -> float32

    content = with_float_softmax(content)
"""

from __future__ import annotations

from typing import Any

from tensorflow.lite.python import schema_py_generated as tflite_schema

from schemas.errors import FieldmarkError
from serving.tflite_flatbuffer import read_model, write_model


def with_float_softmax(content: bytes) -> bytes:
    """Returns an integer model whose softmax computes in float32.

    Args:
        content: a `.tflite` file that ends in an integer softmax and its step to float32.

    Raises:
        FieldmarkError: if it ends in anything else.
    """
    model = read_model(content)
    graph = model.subgraphs[0]
    tail = [_name(model, operator) for operator in graph.operators[-2:]]
    if tail != ["SOFTMAX", "DEQUANTIZE"]:
        raise FieldmarkError(
            "An integer model must end in SOFTMAX and DEQUANTIZE, so that its softmax can be "
            f"computed in float32. Received: {', '.join(tail)}. Leave full_int8 out, or end the "
            "network with a softmax."
        )
    softmax, dequantize = graph.operators[-2:]
    between = graph.tensors[int(softmax.outputs[0])]
    between.type, between.quantization = tflite_schema.TensorType.FLOAT32, None
    softmax.inputs, dequantize.inputs = list(softmax.inputs), list(dequantize.inputs)
    softmax.outputs, dequantize.outputs = list(softmax.outputs), list(dequantize.outputs)
    # The tensors stay where they are; the two steps change places.
    graph.operators[-2:] = [
        _at(dequantize, softmax.inputs, softmax.outputs),
        _at(softmax, dequantize.inputs, dequantize.outputs),
    ]
    return write_model(model)


def _at(operator: Any, inputs: list[int], outputs: list[int]) -> Any:
    """A step of the same kind between other tensors."""
    moved = tflite_schema.OperatorT()
    moved.opcodeIndex = operator.opcodeIndex
    moved.builtinOptionsType, moved.builtinOptions = (
        operator.builtinOptionsType,
        operator.builtinOptions,
    )
    moved.inputs, moved.outputs = inputs, outputs
    return moved


def _name(model: Any, operator: Any) -> str:
    code = model.operatorCodes[operator.opcodeIndex]
    # Files of before 2020 have the number in the older, narrower field alone.
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    names = vars(tflite_schema.BuiltinOperator)
    return next(name for name, value in names.items() if value == number)
