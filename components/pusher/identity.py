"""What stands in a model directory of either kind, told from its content.

content_fingerprint("serving/1700000000") == content_fingerprint("model/Format-Serving")
"""

from __future__ import annotations

from pathlib import Path

from schemas.errors import DataError
from serving.checked_bundle import (
    BUNDLE_MANIFEST,
    bundle_fingerprint,
    find_bundle,
    load_bundle,
)
from serving.saved_model import model_fingerprint

SAVED_MODEL_FILE = "saved_model.pb"


def content_fingerprint(directory: Path) -> str:
    """Returns 64 hex digits that two directories share if they hold the same model.

    Args:
        directory: a SavedModel of ours, or what holds a mobile bundle.

    Raises:
        DataError: if it is neither, or not whole.
    """
    if find_bundle(directory) is not None:
        load_bundle(directory)  # a damaged copy is not the same model
        return bundle_fingerprint(directory)
    if (directory / SAVED_MODEL_FILE).is_file():
        return model_fingerprint(directory)
    raise DataError(
        directory,
        problem=f"holds neither {SAVED_MODEL_FILE} nor {BUNDLE_MANIFEST}, so there is no model to "
        "push.",
        remedy="Push the output of the trainer or of the MobileExporter.",
    )
