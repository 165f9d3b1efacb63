"""Whether two runs of the data steps made the same, whatever order a runner worked in.

Records go by photo id, content and all; tables as sets of rows. Numbers that are sums of floats
may differ by the order of their addition: 1e-6 of their size, and nothing else may.

    differences(Path("a"), Path("b"))   # ["Transform train: photo 7 differs"], or []
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-9
AT_MOST = 20

Content = dict[str, Any]


def differences(one: Path, other: Path) -> list[str]:
    """Returns what differs between the outputs of benchmarks/data_steps.py, at most 20 lines.

    Args:
        one: directory of the first run.
        other: directory of the second.
    """
    found: list[str] = []
    for what, read in READERS.items():
        left, right = read(one), read(other)
        found += [f"{what} {line}" for line in _differences(left, right)]
    return found[:AT_MOST]


def records(directory: Path) -> dict[str, Counter[tuple[int, str]]]:
    """Returns (photo id, hash of the record's content) of each split's TFRecord files, counted.

    Args:
        directory: of an Examples artifact.
    """
    import tensorflow as tf

    found = {}
    for split in sorted(directory.glob("Split-*")):
        paths = sorted(str(path) for path in split.glob("*.gz"))
        found[split.name] = Counter(
            _photo(record.numpy()) for record in tf.data.TFRecordDataset(paths, "GZIP")
        )
    return found


def _photo(record: bytes) -> tuple[int, str]:
    import tensorflow as tf

    example = tf.train.Example.FromString(record)
    content = example.SerializeToString(deterministic=True)
    photo_id = example.features.feature["photo_id"].int64_list.value[0]
    return photo_id, hashlib.sha256(content).hexdigest()


def _read_records(step: str, output: str) -> Any:
    def read(out: Path) -> Content:
        return {
            f"{split} photo {photo}": (content, count)
            for split, photos in records(out / step / output).items()
            for (photo, content), count in photos.items()
        }

    return read


def _read_index(out: Path) -> Content:
    """Files of ExportExampleGen beside the records."""
    folder = out / "ExportExampleGen"
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for name in ("taxonomy", "set_aside", "photo_index")
        for path in sorted((folder / name).rglob("*"))
        if path.is_file()
    }


def _read_statistics(out: Path) -> Content:
    import tfx.components  # noqa: F401 - comes before TFDV
    from google.protobuf.json_format import MessageToDict
    from tensorflow_metadata.proto.v0 import statistics_pb2

    found: Content = {}
    for path in sorted((out / "StatisticsGen/statistics").rglob("*.pb")):
        statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
        for dataset in statistics.datasets:
            found[f"{path.parent.name} {dataset.name} photos"] = dataset.num_examples
            for feature in dataset.features:
                name = ".".join(feature.path.step) or feature.name
                found[f"{path.parent.name} {dataset.name} {name}"] = MessageToDict(feature)
    return found


def _read_transform_graph(out: Path) -> Content:
    graph = out / "Transform/transform_graph"
    files = [*graph.rglob("assets/*"), *graph.rglob("schema.pbtxt")]
    return {str(path.relative_to(graph)): path.read_text() for path in files if path.is_file()}


def _read_tables(out: Path) -> Content:
    import pyarrow.parquet as pq

    found: Content = {}
    folder = out / "Evaluator/evaluation/tables"
    for path in sorted(folder.rglob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            names = {k: v for k, v in row.items() if not isinstance(v, float | list | dict)}
            key = f"{path.name} {json.dumps(names, sort_keys=True, default=str)}"
            found.setdefault(key, []).append([v for k, v in row.items() if k not in names])
    return found


def _read_verdict(out: Path) -> Content:
    folder = out / "Evaluator"
    found = {
        path.name: json.loads(path.read_text())
        for path in sorted((folder / "evaluation/tables").glob("*.json"))
    }
    blessing = sorted(path.name for path in (folder / "blessing").iterdir())
    return {**found, "blessing": blessing}


def _read_tfma(out: Path) -> Content:
    """Metrics of every slice, as TFMA wrote them."""
    import tensorflow as tf
    import tfx.components  # noqa: F401 - comes before TFMA
    from google.protobuf.json_format import MessageToDict
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2

    found: Content = {}
    paths = sorted(str(path) for path in (out / "Evaluator/evaluation").glob("metrics-*"))
    for record in tf.data.TFRecordDataset(paths):
        of_slice = metrics_for_slice_pb2.MetricsForSlice.FromString(record.numpy())
        key = str(MessageToDict(of_slice.slice_key))
        for metric in of_slice.metric_keys_and_values:
            name = json.dumps(MessageToDict(metric.key), sort_keys=True)
            found[f"{key} {name}"] = MessageToDict(metric.value)
    return found


READERS = {
    "ExportExampleGen": _read_records("ExportExampleGen", "examples"),
    "ExportExampleGen file": _read_index,
    "StatisticsGen": _read_statistics,
    "Transform": _read_records("Transform", "transformed_examples"),
    "Transform graph": _read_transform_graph,
    "Evaluator table": _read_tables,
    "Evaluator": _read_verdict,
    "Evaluator, TFMA": _read_tfma,
}
"""What is compared; each gives content by a name for people."""


def _differences(left: Content, right: Content) -> Iterator[str]:
    if not left:
        yield "left nothing to compare"
    for name in sorted({*left, *right}):
        if name not in left or name not in right:
            yield f"{name}: only in the {'second' if name in right else 'first'}"
        elif not same(left[name], right[name]):
            yield f"{name}: {left[name]!r} and {right[name]!r}"[:400]


def same(left: Any, right: Any) -> bool:
    """Returns whether two plain values are equal, floats up to the order of their addition."""
    if isinstance(left, float) and isinstance(right, float):
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return math.isclose(left, right, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
