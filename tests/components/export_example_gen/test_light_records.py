"""Records are written without TensorFlow, and TensorFlow reads them back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.export_example_gen.example_bytes import example_bytes
from components.export_example_gen.record_writer import RecordWriter

VALUES = (
    st.binary(max_size=400)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(width=32, allow_nan=False, allow_infinity=False)
)


@given(features=st.dictionaries(st.text(max_size=8), VALUES, max_size=6))
@settings(deadline=None)
def test_tensorflow_reads_what_was_given(features: dict[str, bytes | int | float]) -> None:
    written = example_bytes(features)
    read = tf.train.Example.FromString(written).features.feature
    assert {name: _value(feature) for name, feature in read.items()} == features
    assert written == example_bytes(dict(reversed(features.items())))


def _value(feature: tf.train.Feature) -> bytes | int | float:
    kind = feature.WhichOneof("kind")
    (value,) = getattr(feature, kind).value
    assert type(value) is {"bytes_list": bytes, "int64_list": int, "float_list": float}[kind]
    return value


def test_a_record_file_is_read_back_and_does_not_depend_on_the_time(tmp_path: Path) -> None:
    records = [b"", b"a", bytes(range(256)) * 1000]
    for name in ("one", "two"):
        with RecordWriter(tmp_path / name) as writer:
            for record in records:
                writer.write(record)
    read = tf.data.TFRecordDataset(str(tmp_path / "one"), compression_type="GZIP")
    assert [record.numpy() for record in read] == records
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_workers_import_neither_tensorflow_nor_tfx() -> None:
    program = (
        "import sys\n"
        "import components.export_example_gen.read_export\n"
        "import components.export_example_gen.results\n"
        "print(sorted({'tensorflow', 'tfx', 'keras'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "[]"
