"""Which trained model a SavedModel holds, told from its content.

Two exports of the same weights have the same fingerprint, whatever their date, layer names or
lineage notes; a pusher can see that it would push what is served already.

    model_fingerprint("serving/1700000000")  # 64 hex digits
"""

from __future__ import annotations

import hashlib
import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from schemas.errors import DataError
from schemas.record import TAXONOMY_FILE
from serving.temperature import TEMPERATURE

EXTRAS = "assets.extra"
MANIFEST_FILE = "fieldmark.json"
MODEL_ID_DIGITS = 16

EXPORT_GENERATION = 3
"""Raise it when preprocessing or signatures change, so that the same weights count as new."""

_VARIABLE = "/.ATTRIBUTES/VARIABLE_VALUE"


def model_fingerprint(directory: str | PathLike[str]) -> str:
    """Returns the sha256, in hex, of what makes an exported model answer as it does.

    That is: every variable (dtype, shape, values), the taxonomy, the input size, the temperature of
    a calibrated model and `EXPORT_GENERATION`. Not the graph itself, whose bytes change from export
    to export.

    Args:
        directory: a SavedModel written by `serving.saved_model`.

    Raises:
        DataError: if it is not one.
    """
    path = Path(directory)
    extras = path / EXTRAS
    digest = hashlib.sha256(f"generation {EXPORT_GENERATION}\n".encode())
    try:
        manifest = json.loads((extras / MANIFEST_FILE).read_bytes())
        digest.update(f"image_size_px {manifest['image_size_px']}\n".encode())
        if TEMPERATURE in manifest:
            digest.update(f"temperature {manifest[TEMPERATURE]}\n".encode())
        digest.update((extras / TAXONOMY_FILE).read_bytes())
        for variable in _variable_digests(path):
            digest.update(variable)
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise DataError(
            path,
            problem=f"is not a model that Fieldmark exported: {error}.",
            remedy="Give the directory with saved_model.pb in it.",
        ) from error
    return digest.hexdigest()


def _variable_digests(directory: Path) -> list[bytes]:
    """A sha256 of each variable's dtype, shape and values, sorted.

    Sorted by digest, not by name: Keras numbers the variables of an export in another order in
    each process.
    """
    reader = tf.train.load_checkpoint(str(directory / "variables" / "variables"))
    names = [name for name in reader.get_variable_to_shape_map() if name.endswith(_VARIABLE)]
    return sorted(_digest(reader.get_tensor(name)) for name in names)


def _digest(values: npt.NDArray[Any]) -> bytes:
    digest = hashlib.sha256(f"{values.dtype} {values.shape}\n".encode())
    digest.update(np.ascontiguousarray(values).tobytes())
    return digest.digest()
