"""A `.tflite` file as an object, and back into bytes.

Law: what is read and written again computes the same, and every buffer of weights stands on a
multiple of 16 bytes, as the converter lays them. (The generated packers know no alignment: a plain
round trip leaves floats on odd addresses, which some ARM chips refuse.)

    model = read_model(content)
    model.subgraphs[0].operators[-1].inputs
    content = write_model(model)
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from tensorflow.lite.python import schema_py_generated as tflite_schema

FILE_IDENTIFIER = b"TFL3"
ALIGNMENT_BYTES = 16


def read_model(content: bytes) -> Any:
    """Returns the `ModelT` of a `.tflite` file's content."""
    return tflite_schema.ModelT.InitFromPackedBuf(bytearray(content), 0)


def write_model(model: Any) -> bytes:
    """Returns the content of the `.tflite` file of a `ModelT`."""
    builder = _AlignedBuilder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


class _AlignedBuilder(flatbuffers.Builder):
    """Lays vectors of bytes, which is what weights are here, on multiples of 16."""

    def CreateNumpyVector(self, x: npt.NDArray[Any]) -> int:
        if x.dtype != np.uint8:
            return int(super().CreateNumpyVector(x))
        builder: Any = self  # flatbuffers declares no types
        builder.StartVector(1, x.size, ALIGNMENT_BYTES)
        end = builder.head
        builder.head = end - x.size
        builder.Bytes[builder.head : end] = x.tobytes()
        return int(builder.EndVector())
