"""What generic clients read out of a `.tflite`: names, normalisation and labels inside the file.

LiteRT's and MediaPipe's image classifiers take a model without any file beside it, if

1. the model holds a buffer named TFLITE_METADATA, a flatbuffer of its own schema ("M001"), which
   says how pixels are normalised and which associated file labels the scores;
2. that file is appended to the model as an uncompressed zip.

iNaturalist's apps read none of it, and no answer changes. No package that writes it fits this
environment, and what is needed is small: `Table` gives each field by its number in the schema
(tensorflow_lite_support/metadata/metadata_schema.fbs), where a union takes two.

Law: the same arguments give the same bytes.

    content = with_metadata(content, metadata(name=..., labels=taxonomy.leaf_names))
    labels_inside(content)                 # serving.zip_bytes
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as tflite_schema

from serving.mobile_files import LABELS_FILE
from serving.tflite_flatbuffer import read_model, write_model
from serving.zip_bytes import entry

BUFFER_NAME = "TFLITE_METADATA"
FILE_IDENTIFIER = b"M001"
MIN_PARSER_VERSION = "1.0.0"

_RGB, _TENSOR_AXIS_LABELS = 1, 2
_FEATURE_PROPERTIES, _IMAGE_PROPERTIES, _NORMALIZATION_OPTIONS = 1, 2, 1
"""Values of the schema's enums and unions."""


@dataclass(frozen=True)
class Byte:
    """A field of one byte: an enum, or which member of a union follows."""

    value: int


Value = Any
"""str, float lists, `Byte`, `Table`, or a list of tables."""


@dataclass(frozen=True)
class Table:
    """A table of the schema: its fields by their numbers."""

    fields: Mapping[int, Value]


@dataclass(frozen=True)
class ModelWords:
    """What the metadata says of a model.

    Attributes:
        name: of the bundle.
        description: a sentence.
        version: of the bundle.
        license: what its use is bound to, "" for nothing said.
    """

    name: str
    description: str
    version: str
    license: str = ""


def metadata(words: ModelWords, *, labels_file: str = LABELS_FILE) -> bytes:
    """Returns the content of the TFLITE_METADATA buffer.

    Args:
        words: about the model.
        labels_file: name of the associated file, a label a line in the order of the scores.
    """
    # Pixels go in as they are, 0..255: (x - 0) / 1. The model scales inside.
    normalisation = Table({0: [0.0], 1: [1.0]})
    image = Table(
        {
            0: "image",
            1: "An upright RGB photo, its centre square resized, values 0..255.",
            3: Table({0: Byte(_IMAGE_PROPERTIES), 1: Table({0: Byte(_RGB)})}),
            4: [Table({0: Byte(_NORMALIZATION_OPTIONS), 1: normalisation})],
            5: Table({0: [255.0], 1: [0.0]}),
        }
    )
    labels = Table(
        {0: labels_file, 1: "Scientific name of each class.", 2: Byte(_TENSOR_AXIS_LABELS)}
    )
    scores = Table(
        {
            0: "probability",
            1: "Softmax over the leaves of the taxonomy.",
            3: Table({0: Byte(_FEATURE_PROPERTIES), 1: Table({})}),
            5: Table({0: [1.0], 1: [0.0]}),
            6: [labels],
        }
    )
    model = Table(
        {
            0: words.name,
            1: words.description,
            2: words.version,
            3: [Table({2: [image], 3: [scores]})],
            4: "Fieldmark",
            5: words.license,
            7: MIN_PARSER_VERSION,
        }
    )
    builder = flatbuffers.Builder(1024)
    builder.Finish(_write(builder, model), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def with_metadata(content: bytes, described: bytes, labels: Sequence[str]) -> bytes:
    """Returns a model that carries its metadata and its labels.

    Args:
        content: a `.tflite` file without metadata.
        described: what `metadata` returned.
        labels: name of each class, in class order.
    """
    model = read_model(content)
    buffer = tflite_schema.BufferT()
    buffer.data = np.frombuffer(described, np.uint8)
    model.buffers.append(buffer)
    named = tflite_schema.MetadataT()
    named.name, named.buffer = BUFFER_NAME, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), named]
    file = io.BytesIO(write_model(model))
    # Offsets in the zip count from the beginning of the file, the model included.
    with zipfile.ZipFile(file, "a") as appended:
        appended.writestr(entry(LABELS_FILE), "".join(f"{label}\n" for label in labels))
    return file.getvalue()


def metadata_inside(content: bytes) -> bytes | None:
    """Returns the TFLITE_METADATA buffer of a model; None if it has none."""
    model = read_model(content)
    for named in model.metadata or []:
        name = named.name if isinstance(named.name, str) else named.name.decode()
        if name == BUFFER_NAME:
            return bytes(model.buffers[named.buffer].data)
    return None


def _write(builder: Any, table: Table) -> int:
    """Writes a table, all that it points to first; returns its place."""
    values = {number: _place(builder, value) for number, value in table.fields.items()}
    builder.StartObject(max(values, default=-1) + 1)
    for number, value in values.items():
        if isinstance(table.fields[number], Byte):
            builder.PrependUint8Slot(number, value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(number, value, 0)
    return int(builder.EndObject())


def _place(builder: Any, value: Value) -> int:
    if isinstance(value, Byte):
        return value.value
    if isinstance(value, Table):
        return _write(builder, value)
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if all(isinstance(item, float) for item in value):
        return int(builder.CreateNumpyVector(np.array(value, np.float32)))
    places = [_write(builder, item) for item in value]
    builder.StartVector(4, len(places), 4)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return int(builder.EndVector())
