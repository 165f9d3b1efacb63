"""`evaluated.json`, beside the tables: what was evaluated on what, and what was left out.

docs/evaluate-any-model.md describes the keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.errors import DataError

EVALUATED_FILE = "evaluated.json"
VERSION = 1


def write_evaluated(content: Mapping[str, Any], directory: Path) -> None:
    """Writes the file.

    Args:
        content: JSON-able.
        directory: of the tables.
    """
    text = json.dumps({"version": VERSION, **content}, indent=2, ensure_ascii=False)
    (directory / EVALUATED_FILE).write_text(f"{text}\n", encoding="utf-8")


def read_evaluated(directory: Path) -> dict[str, Any]:
    """Reads the file.

    Raises:
        DataError: if it is none of this version.
    """
    path = directory / EVALUATED_FILE
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        fits = content["version"] == VERSION
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            path, problem=f"cannot be read: {error}.", remedy="Evaluate again."
        ) from error
    if not fits:
        raise DataError(
            path,
            problem=f"is of version {content['version']}, not {VERSION}.",
            remedy="Evaluate again.",
        )
    return content
