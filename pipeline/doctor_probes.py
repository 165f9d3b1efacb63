"""Tries the heavy libraries, each in a process of its own.

A native library that does not suit a machine may end its process outright, and importing TFX costs
20 s of CPU; so `pipeline.doctor` starts each probe as `python -m pipeline.doctor_probes NAME` and
reads one JSON line from it.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from types import MappingProxyType


def tensorflow() -> dict[str, object]:
    """Returns the GPUs that TensorFlow can use."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", "") for gpu in gpus]
    return {"gpus": names, "sum": float(tf.reduce_sum(tf.ones([2, 3])))}


def tfx() -> dict[str, object]:
    """Returns the TFX components that could not be imported.

    tfx.components hides an ImportError and sets the name to None. TFX must come before
    tensorflow_data_validation, which it mends while it is imported.
    """
    from tfx import components

    importlib.import_module("tensorflow_data_validation")
    return {"broken": [name for name in components.__all__ if getattr(components, name) is None]}


def beam() -> dict[str, object]:
    """Returns the result of a small pipeline on the runner that Fieldmark uses."""
    import apache_beam as beam
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.testing.util import assert_that, equal_to

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        total = pipeline | beam.Create([1, 2, 3]) | beam.CombineGlobally(sum)
        assert_that(total, equal_to([6]))
    return {}


def ml_metadata() -> dict[str, object]:
    """Opens a metadata store in memory and writes to it."""
    from ml_metadata import proto
    from ml_metadata.metadata_store import metadata_store

    config = proto.ConnectionConfig()
    config.fake_database.SetInParent()
    store = metadata_store.MetadataStore(config)
    store.put_artifact_type(proto.ArtifactType(name="Probe"))
    return {"types": [kind.name for kind in store.get_artifact_types()]}


def litert() -> dict[str, object]:
    """Loads the interpreter that phones run models with."""
    from ai_edge_litert.interpreter import Interpreter

    return {"interpreter": Interpreter.__name__}


PROBES: MappingProxyType[str, Callable[[], dict[str, object]]] = MappingProxyType(
    {
        "tensorflow": tensorflow,
        "tfx": tfx,
        "beam": beam,
        "ml_metadata": ml_metadata,
        "litert": litert,
    }
)
"""What `pipeline.doctor` tries."""


if __name__ == "__main__":
    print(json.dumps(PROBES[sys.argv[1]]()))
