"""Bundles spoiled on purpose, their hashes set right: what only a look at the content can find."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as tflite_schema

from serving.float_softmax import _name
from serving.tflite_flatbuffer import read_model, write_model


def forge(bundle_dir: Path, target: Path, changes: Mapping[str, bytes]) -> Path:
    """Returns a copy of a bundle with other files, which its manifest names as if they were its."""
    shutil.copytree(bundle_dir, target)
    manifest = json.loads((target / "manifest.json").read_text())
    for name, content in changes.items():
        (target / name).write_bytes(content)
        entry = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        manifest["files"][name] = entry
        for variant in manifest["variants"].values():
            if variant["file"] == name:
                variant.update(entry)
    (target / "manifest.json").write_text(json.dumps(manifest))
    return target


def retold(bundle_dir: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Returns a copy of a bundle whose manifest says something else."""
    shutil.copytree(bundle_dir, target)
    manifest = json.loads((target / "manifest.json").read_text())
    change(manifest)
    (target / "manifest.json").write_text(json.dumps(manifest))
    return target


def with_operator_of_ones_own(content: bytes) -> bytes:
    """A model whose softmax is an operator that no phone has."""
    model = read_model(content)
    code = model.operatorCodes[model.subgraphs[0].operators[-1].opcodeIndex]
    custom = tflite_schema.BuiltinOperator.CUSTOM
    code.builtinCode, code.deprecatedBuiltinCode, code.customCode = custom, custom, "Mystery"
    model.subgraphs[0].operators[-1].builtinOptionsType = 0
    model.subgraphs[0].operators[-1].builtinOptions = None
    return write_model(model)


def with_two_outputs(content: bytes) -> bytes:
    """A model that gives its logits as well, after its scores."""
    model = read_model(content)
    graph = model.subgraphs[0]
    graph.outputs = [*map(int, graph.outputs), int(graph.operators[-1].inputs[0])]
    return write_model(model)


def of_types(size_px: int, leaves: int, *, takes: tf.DType, gives: tf.DType) -> bytes:
    """A model that takes and gives other types than the apps' float32."""

    @tf.function(input_signature=[tf.TensorSpec((1, size_px, size_px, 3), takes)])
    def answer(pixels: tf.Tensor) -> tf.Tensor:
        grey = tf.reduce_mean(tf.cast(pixels, tf.float32), axis=(1, 2, 3))
        scores = tf.nn.softmax(grey[:, None] * tf.linspace(0.0, 0.1, leaves)[None])
        return tf.cast(scores if gives == tf.float32 else 100 * scores, gives)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([answer.get_concrete_function()])
    return bytes(converter.convert())


def without_softmax(content: bytes) -> bytes:
    """A model that gives its logits."""
    model = read_model(content)
    graph = model.subgraphs[0]
    softmax = graph.operators.pop()
    assert _name(model, softmax) == "SOFTMAX"
    graph.outputs = [int(softmax.inputs[0])]
    return write_model(model)


def mangled(content: bytes) -> bytes:
    """An int8 model whose head has its signs turned round, as by a converter's fault."""
    model = read_model(content)
    buffer = model.buffers[_int8_head(model).buffer]
    buffer.data = (-buffer.data.view(np.int8)).view(np.uint8)
    return write_model(model)


def without_a_leaf(content: bytes, leaf: int) -> bytes:
    """An int8 model in whose head the weights of one leaf are 0."""
    model = read_model(content)
    head = _int8_head(model)
    buffer = model.buffers[head.buffer]
    weights = buffer.data.reshape(head.shape).copy()
    weights[leaf] = 0
    buffer.data = weights.reshape(-1)
    return write_model(model)


def with_scale_of_nan(content: bytes, leaf: int) -> bytes:
    """An int8 model in whose head the scale of one leaf's weights is no number."""
    model = read_model(content)
    scales = _int8_head(model).quantization.scale.copy()
    scales[leaf] = np.nan
    _int8_head(model).quantization.scale = scales
    return write_model(model)


def _int8_head(model: Any) -> Any:
    (head,) = [
        tensor
        for tensor in model.subgraphs[0].tensors
        if tensor.type == tflite_schema.TensorType.INT8
        and len(tensor.shape) == 2
        and model.buffers[tensor.buffer].data is not None
    ]
    return head


Row = dict[str, Any]


def taxonomy_rows(bundle_dir: Path) -> list[Row]:
    """The taxa of a bundle as the iOS app reads them."""
    rows: list[Row] = json.loads((bundle_dir / "taxonomy.json").read_text())
    return rows


def row_of(rows: list[Row], name: str) -> Row:
    """The row of a taxon."""
    return next(row for row in rows if row["name"] == name)


def taxonomies(rows: list[Row]) -> dict[str, bytes]:
    """Both taxonomies with the rows given, unchecked."""
    lines = [",".join("" if cell is None else str(cell) for cell in row.values()) for row in rows]
    text = "\n".join([",".join(rows[0]), *lines, ""])
    return {"taxonomy.csv": text.encode(), "taxonomy.json": json.dumps(rows).encode()}


def retold_taxa(bundle_dir: Path, taxon: str, **cells: Any) -> dict[str, bytes]:
    """The taxonomies of a bundle with the cells of one taxon changed, in both alike."""
    rows = taxonomy_rows(bundle_dir)
    row_of(rows, taxon).update(cells)
    return taxonomies(rows)


def swapped_leaves(bundle_dir: Path) -> dict[str, bytes]:
    """The taxonomies of a bundle with the first two classes exchanged in all of its files."""
    swap = {0: 1, 1: 0}
    records = json.loads((bundle_dir / "taxonomy.json").read_text())
    for record in records:
        leaf = record["leaf_class_id"]
        record["leaf_class_id"] = swap.get(leaf, leaf)
    lines = (bundle_dir / "taxonomy.csv").read_text().splitlines()
    cells = [line.split(",", 5) for line in lines]
    for row in cells[1:]:
        row[3] = {"0": "1", "1": "0"}.get(row[3], row[3])
    first, second, *others = (bundle_dir / "labels.txt").read_text().splitlines()
    return {
        "taxonomy.json": json.dumps(records).encode(),
        "taxonomy.csv": "".join(",".join(row) + "\n" for row in cells).encode(),
        "labels.txt": "\n".join([second, first, *others, ""]).encode(),
    }
