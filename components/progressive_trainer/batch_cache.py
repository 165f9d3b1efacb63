"""Batches that were found by trial, kept for later runs on the same device.

The law: an entry is used only where everything is the same that a step's memory and speed follow
from: device, its memory, network, leaves, precision, image size, what learns, the optimizer, the
code, TensorFlow and Keras. The file is replaced whole, so that two runs at a time leave one of both
results.

    cache = BatchCache(cache_file())
    cache.get(key)                    # Found, or None
    cache.put(key, found)
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from components.progressive_trainer.batch_search import Found
from schemas.json_file import write_json

Key = Mapping[str, str | int | float | bool | None]


def cache_file() -> Path:
    """Returns the place of the cache, in the user's cache directory (XDG base directories)."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "fieldmark" / "batches.json"


class BatchCache:
    """The batches found so far.

    Args:
        path: a JSON file; made when there is something to keep.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: Key) -> Found | None:
        """Returns what was found for the very key."""
        for entry in self._entries():
            if entry["key"] == dict(key):
                return Found(**entry["found"])
        return None

    def put(self, key: Key, found: Found) -> None:
        """Keeps what was found, in place of what was before."""
        others = [entry for entry in self._entries() if entry["key"] != dict(key)]
        write_json(self._path, [*others, {"key": dict(key), "found": asdict(found)}])

    def _entries(self) -> list[dict[str, Any]]:
        if not self._path.is_file():
            return []
        entries: list[dict[str, Any]] = json.loads(self._path.read_text())
        return entries
