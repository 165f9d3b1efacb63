"""What an export was asked to be: settings, source, taxonomy; the key to "is it done already".

Law: two builds with equal requests give equal bytes. Paths do not count, contents do: a file up to
256 MB by its SHA-256, a larger one by its size and the SHA-256 of 256 blocks of 64 kB spread
evenly, because reading 20 GB once more would cost as long as the selection. A monthly dump changes
its size and its blocks; a single cell corrected by hand in a file of gigabytes may go unnoticed.

    request(source, settings, taxonomy_path=None)     # plain values, for selection.json
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pipeline.build_export.settings import SelectionSettings
from pipeline.build_export.table_source import TableSource

WHOLE_BYTES = 256_000_000
"""A file up to this size is hashed whole."""

_BLOCKS, _BLOCK_BYTES = 256, 64_000
_LAYOUT = 1  # of selection.json; another number makes older exports other ones


def request(
    source: TableSource, settings: SelectionSettings, taxonomy_path: Path | None
) -> dict[str, Any]:
    """Returns the request as JSON can hold it."""
    with ThreadPoolExecutor() as threads:
        files = list(threads.map(describe_file, source.files))
    return {
        "layout": _LAYOUT,
        "settings": settings.model_dump(mode="json"),
        "taxonomy_from": None if taxonomy_path is None else describe_file(taxonomy_path),
        "source": {
            "format": source.format,
            "files": files,
        },
    }


def describe_file(path: Path) -> dict[str, Any]:
    """Returns name, size in bytes, SHA-256, and whether that is of the whole file."""
    size = path.stat().st_size
    whole = size <= WHOLE_BYTES
    with path.open("rb") as file:
        if whole:
            digest = hashlib.file_digest(file, "sha256")
        else:
            digest = hashlib.sha256()
            for block in range(_BLOCKS):
                file.seek(block * (size - _BLOCK_BYTES) // (_BLOCKS - 1))
                digest.update(file.read(_BLOCK_BYTES))
    return {"name": path.name, "size_bytes": size, "sha256": digest.hexdigest(), "whole": whole}


def differences(asked: dict[str, Any], built: dict[str, Any]) -> list[str]:
    """Returns a line for each thing in which a request differs from that of an export."""
    lines = []
    for key, value in asked["settings"].items():
        other = built.get("settings", {}).get(key)
        if value != other:
            lines.append(f"{key}: built with {other!r}, asked for {value!r}")
    if asked["taxonomy_from"] != built.get("taxonomy_from"):
        lines.append("the taxonomy comes from another export")
    if asked["source"] != built.get("source"):
        lines.append("the tables of the source are others")
    return lines or ["it was built by another version of Fieldmark"]
