"""Where a bundle's model comes from: what its trainer wrote into the SavedModel.

lineage_of("model/Format-Serving")  # {"export": "vision-export-2026...", ...}
"""

from __future__ import annotations

from os import PathLike
from typing import Any

from serving.saved_model import OWN_KEYS, load_manifest


def lineage_of(saved_model_dir: str | PathLike[str]) -> dict[str, Any]:
    """Returns the manifest's values that the caller of the export gave.

    No path of this machine is added: a bundle leaves the house.

    Raises:
        DataError: if the directory is no export of ours.
    """
    manifest = load_manifest(saved_model_dir)
    return {key: value for key, value in manifest.items() if key not in OWN_KEYS}
